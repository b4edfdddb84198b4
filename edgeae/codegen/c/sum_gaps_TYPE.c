/* Sums a row of weights, each with the number of zeros before it, times the input.
 * needs: weight_reader value_TYPE
 * The last column has a weight, be it 0: there the row ends.
 */
static SUM_T PREFIX_sum_gaps_TYPE(struct PREFIX_reader_layer *reader, const WEIGHT_T *values,
                                  const INPUT_T *input, int32_t columns) {
  const INPUT_T *const end = input + columns;
  const uint8_t *gap = reader->stream;
  const WEIGHT_T *value = values + reader->place;
  SUM_T sum = 0;
  do {
    input += *gap++;
    sum += PREFIX_value_TYPE(*value++) * *input++;
  } while (input != end);
  reader->place += (int32_t)(gap - reader->stream);
  reader->stream = gap;
  return sum;
}
