/* FULLY_CONNECTED of float32.
 * needs: clamp_float
 */
struct PREFIX_fully_connected_float32_layer {
  const float *weights;
  const float *bias;
  int32_t batches;
  int32_t rows;
  int32_t columns;
  float low;
  float high;
};

static void PREFIX_fully_connected_float32(const struct PREFIX_fully_connected_float32_layer *layer,
                                          const float *input, float *output) {
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    const float *weights = layer->weights;
    for (int32_t row = 0; row < layer->rows; row++) {
      float sum = 0.0f;
      for (int32_t column = 0; column < layer->columns; column++) {
        sum += weights[column] * input[column];
      }
      weights += layer->columns;
      *output++ = PREFIX_clamp_float(sum + layer->bias[row], layer->low, layer->high);
    }
    input += layer->columns;
  }
}
