/* FULLY_CONNECTED of float32 with float32 or float16 weights.
 * needs: value_TYPE clamp_float
 */
struct PREFIX_fully_connected_TYPE_layer {
  const WEIGHT_T *weights;
  const WEIGHT_T *bias;
  int32_t batches;
  int32_t rows;
  int32_t columns;
  float low;
  float high;
};

static void PREFIX_fully_connected_TYPE(const struct PREFIX_fully_connected_TYPE_layer *layer,
                                          const float *input, float *output) {
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    const WEIGHT_T *weights = layer->weights;
    for (int32_t row = 0; row < layer->rows; row++) {
      float sum = 0.0f;
      for (int32_t column = 0; column < layer->columns; column++) {
        sum += PREFIX_value_TYPE(weights[column]) * input[column];
      }
      weights += layer->columns;
      *output++ = PREFIX_clamp_float(sum + PREFIX_value_TYPE(layer->bias[row]), layer->low, layer->high);
    }
    input += layer->columns;
  }
}
