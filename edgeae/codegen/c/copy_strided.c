/* Copies runs of bytes between strided places: a part of an array, or one with its axes permuted.
 * needs: seek
 * A row is `count` runs of `size` bytes; starts, steps and the strides of the axes are in bytes.
 */
struct PREFIX_copy_strided_layer {
  const int32_t *axes; /* extent, stride of the input, stride of the output */
  int32_t outer;
  int32_t rows;
  int32_t count;
  int32_t size;
  int32_t input_start;
  int32_t input_step;
  int32_t output_start;
  int32_t output_step;
};

static void PREFIX_copy_strided(const struct PREFIX_copy_strided_layer *layer, const void *input,
                                void *output) {
  for (int32_t row = 0; row < layer->rows; row++) {
    int32_t from = layer->input_start, to = layer->output_start;
    PREFIX_seek(layer->axes, layer->outer, row, &from, &to);
    for (int32_t index = 0; index < layer->count; index++) {
      for (int32_t byte = 0; byte < layer->size; byte++) {
        ((int8_t *)output)[to + byte] = ((const int8_t *)input)[from + byte];
      }
      from += layer->input_step;
      to += layer->output_step;
    }
  }
}
