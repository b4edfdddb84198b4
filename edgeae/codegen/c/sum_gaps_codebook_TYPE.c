/* Sums a row of weights, each a byte with the number of zeros before it and its index, times the
 * input.
 * needs: weight_reader value_TYPE
 * The last column has a weight, be it 0: there the row ends.
 */
static SUM_T PREFIX_sum_gaps_codebook_TYPE(struct PREFIX_reader_layer *reader,
                                           const WEIGHT_T *values, const INPUT_T *input,
                                           int32_t columns) {
  const INPUT_T *const end = input + columns;
  const int32_t bits = reader->index_bits;
  const uint32_t mask = ((uint32_t)1 << bits) - 1u;
  const uint8_t *stream = reader->stream;
  SUM_T sum = 0;
  do {
    const uint32_t entry = *stream++;
    input += entry >> bits;
    sum += PREFIX_value_TYPE(values[entry & mask]) * *input++;
  } while (input != end);
  reader->stream = stream;
  return sum;
}
