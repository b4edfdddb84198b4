/* Sums a row of weights, each an index among the values, times the input.
 * needs: next_codebook value_TYPE
 */
static SUM_T PREFIX_sum_codebook_TYPE(struct PREFIX_reader_layer *reader, const WEIGHT_T *values,
                                      const INPUT_T *input, int32_t columns) {
  SUM_T sum = 0;
  for (int32_t column = 0; column < columns; column++) {
    sum += PREFIX_value_TYPE(values[PREFIX_next_codebook(reader)]) * input[column];
  }
  return sum;
}
