/* FULLY_CONNECTED of int8 for WebAssembly: 16 rows at once, one rounding.
 * needs: moved sums_wasm rescale_once clamp
 */
struct PREFIX_fully_connected_wasm_layer {
  const int8_t *weights; /* in panels, see sums_wasm */
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

static void PREFIX_fully_connected_wasm(const struct PREFIX_fully_connected_wasm_layer *layer,
                                        const int8_t *input, int8_t *output, void *scratch) {
  int32_t *sums = (int32_t *)scratch;
  int8_t *values = (int8_t *)(sums + (layer->rows + 15) / 16 * 16);
  for (int32_t column = layer->columns; column < layer->columns + 3; column++) {
    values[column] = 0;
  }
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    (void)PREFIX_moved(input, layer->columns, 0, (uint8_t *)values);
    PREFIX_sums_wasm(layer->weights, layer->bias, layer->rows, layer->columns, values, sums);
    for (int32_t row = 0; row < layer->rows; row++) {
      const int32_t value =
          PREFIX_rescale_once(sums[row], layer->multipliers[row], layer->shifts[row]);
      *output++ = (int8_t)PREFIX_clamp(value + layer->zero_point, layer->low, layer->high);
    }
    input += layer->columns;
  }
}
