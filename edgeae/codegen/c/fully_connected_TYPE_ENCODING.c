/* FULLY_CONNECTED of float32 with compressed float32 or float16 weights.
 * needs: sum_ENCODING_TYPE clamp_float
 */
struct PREFIX_fully_connected_TYPE_ENCODING_layer {
  const uint8_t *bitmap;
  const uint8_t *stream;
  const WEIGHT_T *values;
  int32_t index_bits;
  const WEIGHT_T *bias;
  int32_t batches;
  int32_t rows;
  int32_t columns;
  float low;
  float high;
};

static void PREFIX_fully_connected_TYPE_ENCODING(
    const struct PREFIX_fully_connected_TYPE_ENCODING_layer *layer, const float *input,
    float *output) {
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    struct PREFIX_reader_layer reader =
        PREFIX_weight_reader(layer->bitmap, layer->stream, layer->index_bits);
    for (int32_t row = 0; row < layer->rows; row++) {
      const float sum =
          PREFIX_sum_ENCODING_TYPE(&reader, layer->values, input, layer->columns);
      *output++ = PREFIX_clamp_float(sum + PREFIX_value_TYPE(layer->bias[row]), layer->low,
                                     layer->high);
    }
    input += layer->columns;
  }
}
