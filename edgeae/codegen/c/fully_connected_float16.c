/* FULLY_CONNECTED of float32 with float16 weights.
 * needs: half clamp_float
 */
struct PREFIX_fully_connected_float16_layer {
  const uint16_t *weights;
  const uint16_t *bias;
  int32_t batches;
  int32_t rows;
  int32_t columns;
  float low;
  float high;
};

static void PREFIX_fully_connected_float16(const struct PREFIX_fully_connected_float16_layer *layer,
                                          const float *input, float *output) {
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    const uint16_t *weights = layer->weights;
    for (int32_t row = 0; row < layer->rows; row++) {
      float sum = 0.0f;
      for (int32_t column = 0; column < layer->columns; column++) {
        sum += PREFIX_half(weights[column]) * input[column];
      }
      weights += layer->columns;
      *output++ = PREFIX_clamp_float(sum + PREFIX_half(layer->bias[row]), layer->low, layer->high);
    }
    input += layer->columns;
  }
}
