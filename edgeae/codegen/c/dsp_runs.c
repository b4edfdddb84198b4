/* Lists the parts of an input that are not background, four bytes of -128: layout dsp.
 * needs: dsp_rows four
 * Background adds nothing to a sum, so its weights are passed over. The last columns, if they are
 * not four, are copied into `rest`, and bytes of 0 follow them, whose weights are 0.
 */
#define PREFIX_RUNS 32 /* at most; the last one takes all that is left */

/* `runs` takes PREFIX_RUNS + 2 items. */
static void PREFIX_dsp_runs(const int8_t *input, int32_t columns, int8_t *rest,
                            struct PREFIX_run_layer *runs) {
  const int8_t *const end = input + (columns & ~3);
  const struct PREFIX_run_layer *const last = runs + PREFIX_RUNS - 1;
  const int8_t *passed = input;
  for (;;) {
    while (input != end && PREFIX_four(input) == 0x80808080u) {
      input += 4;
    }
    runs->skip = (uint32_t)(input - passed) * 8;
    if (input == end) {
      break;
    }
    runs->start = input;
    do {
      input += 4;
    } while (input != end && PREFIX_four(input) != 0x80808080u);
    input = runs == last ? end : input;
    runs->end = passed = input;
    runs++;
  }
  if (columns & 3) {
    for (int32_t column = 0; column < 4; column++) {
      rest[column] = 0;
      if (column < (columns & 3)) {
        rest[column] = end[column];
      }
    }
    runs->start = rest;
    runs->end = rest + 4;
    runs++;
    runs->skip = 0;
  }
  runs->start = runs->end = input;
}
