/* FULLY_CONNECTED of int8 whose rounding no integer multiplier gives: rounds a double once.
 * needs: rounded clamp
 * The product with the scale is a double, as in LiteRT's reference kernel; it calls no libm.
 */
struct PREFIX_fully_connected_int8_double_layer {
  const int8_t *weights;
  const int32_t *bias;
  const double *scales;
  int32_t batches;
  int32_t rows;
  int32_t columns;
  int32_t channel_step; /* 1: a scale per row; 0: one for all */
  int32_t zero_point;
  int32_t low;
  int32_t high;
};

static void PREFIX_fully_connected_int8_double(
    const struct PREFIX_fully_connected_int8_double_layer *layer, const int8_t *input,
    int8_t *output) {
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    const int8_t *weights = layer->weights;
    for (int32_t row = 0; row < layer->rows; row++) {
      int32_t sum = layer->bias[row];
      for (int32_t column = 0; column < layer->columns; column++) {
        sum += weights[column] * input[column];
      }
      weights += layer->columns;
      const double scale = layer->scales[row * layer->channel_step];
      sum = PREFIX_rounded((double)sum * scale) + layer->zero_point;
      *output++ = (int8_t)PREFIX_clamp(sum, layer->low, layer->high);
    }
    input += layer->columns;
  }
}
