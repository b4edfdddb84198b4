/* FULLY_CONNECTED of int16 with int8 weights: a sum of 64 bits, rounded once.
 * needs: rounded clamp
 * The product with the scale is a double, as in LiteRT's reference kernel; it calls no libm.
 */
struct PREFIX_fully_connected_int16_layer {
  const int8_t *weights;
  const int64_t *bias;
  const double *scales;
  int32_t batches;
  int32_t rows;
  int32_t columns;
  int32_t channel_step; /* 1: a scale per row; 0: one for all */
  int32_t low;
  int32_t high;
};

static void PREFIX_fully_connected_int16(const struct PREFIX_fully_connected_int16_layer *layer,
                                         const int16_t *input, int16_t *output) {
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    const int8_t *weights = layer->weights;
    for (int32_t row = 0; row < layer->rows; row++) {
      int64_t sum = layer->bias[row];
      for (int32_t column = 0; column < layer->columns; column++) {
        sum += weights[column] * input[column];
      }
      weights += layer->columns;
      const double scale = layer->scales[row * layer->channel_step];
      const int32_t value = PREFIX_rounded((double)sum * scale);
      *output++ = (int16_t)PREFIX_clamp(value, layer->low, layer->high);
    }
    input += layer->columns;
  }
}
