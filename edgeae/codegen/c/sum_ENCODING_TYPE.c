/* Sums a row of compressed weights times the input.
 * needs: next_ENCODING value_TYPE
 */
static SUM_T PREFIX_sum_ENCODING_TYPE(struct PREFIX_reader_layer *reader, const WEIGHT_T *values,
                                      const INPUT_T *input, int32_t columns) {
  SUM_T sum = 0;
  for (int32_t column = 0; column < columns; column++) {
    const int32_t index = PREFIX_next_ENCODING(reader);
    if (index >= 0) {
      sum += PREFIX_value_TYPE(values[index]) * input[column];
    }
  }
  return sum;
}
