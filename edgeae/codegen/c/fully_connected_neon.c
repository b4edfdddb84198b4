/* FULLY_CONNECTED of int8 on AArch64: 16 rows at once, one rounding.
 * needs: moved sums_neon rescale_once_neon
 */
struct PREFIX_fully_connected_neon_layer {
  const int8_t *weights; /* in panels, see sums_neon */
  const int32_t *bias;
  const int32_t *multipliers;
  const int32_t *shifts;
  int32_t batches;
  int32_t rows;
  int32_t columns;
  int32_t zero_point;
  int32_t low;
  int32_t high;
};

static void PREFIX_fully_connected_neon(const struct PREFIX_fully_connected_neon_layer *layer,
                                        const int8_t *input, int8_t *output, void *scratch) {
  const struct PREFIX_limits_layer limits = {layer->zero_point, layer->low, layer->high};
  int32_t *sums = (int32_t *)scratch;
  int8_t *values = (int8_t *)(sums + (layer->rows + 15) / 16 * 16);
  for (int32_t column = layer->columns; column < layer->columns + 3; column++) {
    values[column] = 0;
  }
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    (void)PREFIX_moved(input, layer->columns, 0, (uint8_t *)values);
    PREFIX_sums_neon(layer->weights, layer->bias, layer->rows, layer->columns, values, sums);
    PREFIX_rescale_once_neon(sums, layer->multipliers, layer->shifts, layer->rows, limits, output);
    input += layer->columns;
    output += layer->rows;
  }
}
