/* FULLY_CONNECTED of int8 with compressed weights: one rounding.
 * needs: sum_ENCODING_int8 rescale_once clamp
 * The bias holds what the input's zero point adds, so the sum is over the stored integers.
 */
struct PREFIX_fully_connected_int8_ENCODING_layer {
  const uint8_t *bitmap;
  const uint8_t *stream;
  const int8_t *values;
  int32_t index_bits;
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

static void PREFIX_fully_connected_int8_ENCODING(
    const struct PREFIX_fully_connected_int8_ENCODING_layer *layer, const int8_t *input,
    int8_t *output) {
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    struct PREFIX_reader_layer reader =
        PREFIX_weight_reader(layer->bitmap, layer->stream, layer->index_bits);
    for (int32_t row = 0; row < layer->rows; row++) {
      const int32_t channel = row * layer->channel_step;
      int32_t sum = layer->bias[row] +
                    PREFIX_sum_ENCODING_int8(&reader, layer->values, input, layer->columns);
      sum = PREFIX_rescale_once(sum, layer->multipliers[channel], layer->shifts[channel]);
      *output++ = (int8_t)PREFIX_clamp(sum + layer->zero_point, layer->low, layer->high);
    }
    input += layer->columns;
  }
}
