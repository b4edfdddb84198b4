/* FULLY_CONNECTED of int8: rows of weights, one rounding.
 * needs: rescale_once clamp
 * The bias holds what the input's zero point adds, so the sum is over the stored integers.
 */
struct PREFIX_fully_connected_int8_layer {
  const int8_t *weights;
  const int32_t *bias;
  const int32_t *multipliers;
  const uint8_t *shifts;
  int32_t batches;
  int32_t rows;
  int32_t columns;
  int32_t channel_step; /* 1: a multiplier per row; 0: one for all */
  int32_t zero_point;
  int32_t low;
  int32_t high;
};

static void PREFIX_fully_connected_int8(const struct PREFIX_fully_connected_int8_layer *layer,
                                        const int8_t *input, int8_t *output) {
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    const int8_t *weights = layer->weights;
    for (int32_t row = 0; row < layer->rows; row++) {
      const int32_t channel = row * layer->channel_step;
      int32_t sum = layer->bias[row];
      for (int32_t column = 0; column < layer->columns; column++) {
        sum += weights[column] * input[column];
      }
      weights += layer->columns;
      sum = PREFIX_rescale_once(sum, layer->multipliers[channel], layer->shifts[channel]);
      *output++ = (int8_t)PREFIX_clamp(sum + layer->zero_point, layer->low, layer->high);
    }
    input += layer->columns;
  }
}
