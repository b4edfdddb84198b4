/* FULLY_CONNECTED of int16 with compressed int8 weights: a sum of 64 bits, rounded once.
 * needs: sum_ENCODING_int16 rounded clamp
 */
struct PREFIX_fully_connected_int16_ENCODING_layer {
  const uint8_t *bitmap;
  const uint8_t *stream;
  const int8_t *values;
  int32_t index_bits;
  const int64_t *bias;
  const double *scales;
  int32_t batches;
  int32_t rows;
  int32_t columns;
  int32_t channel_step; /* 1: a scale per row; 0: one for all */
  int32_t low;
  int32_t high;
};

static void PREFIX_fully_connected_int16_ENCODING(
    const struct PREFIX_fully_connected_int16_ENCODING_layer *layer, const int16_t *input,
    int16_t *output) {
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    struct PREFIX_reader_layer reader =
        PREFIX_weight_reader(layer->bitmap, layer->stream, layer->index_bits);
    for (int32_t row = 0; row < layer->rows; row++) {
      const int64_t sum = layer->bias[row] + PREFIX_sum_ENCODING_int16(&reader, layer->values,
                                                                       input, layer->columns);
      const double scale = layer->scales[row * layer->channel_step];
      const int32_t value = PREFIX_rounded((double)sum * scale);
      *output++ = (int16_t)PREFIX_clamp(value, layer->low, layer->high);
    }
    input += layer->columns;
  }
}
