/* FULLY_CONNECTED of int8 on x86-64: 64, 32 or 16 rows at once, one rounding.
 * needs: moved sums_x86 rescale_once_x86
 */
struct PREFIX_fully_connected_x86_layer {
  const int8_t *weights;      /* see sums_x86 */
  const int32_t *bias;        /* for inputs of 0 to 255 */
  const int32_t *signed_bias; /* for inputs of -128 to 127 */
  const int32_t *multipliers;
  const int32_t *shifts;
  int32_t batches;
  int32_t rows;
  int32_t columns;
  int32_t zero_point;
  int32_t low;
  int32_t high;
};

static void PREFIX_fully_connected_x86(const struct PREFIX_fully_connected_x86_layer *layer,
                                       const int8_t *input, int8_t *output, void *scratch) {
  const struct PREFIX_limits_layer limits = {layer->zero_point, layer->low, layer->high};
  int32_t *sums = (int32_t *)scratch;
  struct PREFIX_words_layer words =
      PREFIX_words_x86(layer->columns, (uint32_t *)scratch + (layer->rows + 15) / 16 * 16);
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    (void)PREFIX_moved(input, layer->columns, 128, (uint8_t *)words.words);
    PREFIX_sums_x86(layer->weights, layer->bias, layer->signed_bias, layer->rows, &words, sums);
    PREFIX_rescale_once_x86(sums, layer->multipliers, layer->shifts, layer->rows, limits, output);
    input += layer->columns;
    output += layer->rows;
  }
}
