/* FULLY_CONNECTED of int8 in the layout dsp.
 * needs: dsp_rows dsp_runs
 */
struct PREFIX_fully_connected_int8_dsp_layer {
  const uint32_t *weights;
  const int32_t *constants; /* multiplier, rounding and shift of each row */
  const int8_t *table;      /* a function of the output, from -128 on; or null */
  int32_t batches;
  int32_t rows;
  int32_t columns;
  int32_t step; /* bytes from the constants of eight rows to the next: 0, or -96 */
};

static void PREFIX_fully_connected_int8_dsp(const struct PREFIX_fully_connected_int8_dsp_layer *layer,
                                            const int8_t *input, int8_t *output) {
  const int8_t *const table = layer->table ? layer->table + 128 : layer->table;
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    struct PREFIX_run_layer runs[PREFIX_RUNS + 2];
    int8_t rest[4];
    PREFIX_dsp_runs(input, layer->columns, rest, runs);
    PREFIX_dsp_rows(runs, layer->weights, output, layer->rows, layer->constants, layer->step,
                    table);
    input += layer->columns;
    output += layer->rows;
  }
}
