/* Sums a row of weights, of which a bitmap names those that are not 0, times the input.
 * needs: index_ENCODING value_TYPE
 */
static SUM_T PREFIX_sum_ENCODING_TYPE(struct PREFIX_reader_layer *reader, const WEIGHT_T *values,
                                      const INPUT_T *input, int32_t columns) {
  SUM_T sum = 0;
  for (; columns > 0; columns -= 8) {
    const INPUT_T *place = input;
    for (uint32_t map = *reader->bitmap++; map != 0u; map >>= 1) {
      if ((map & 1u) != 0u) {
        sum += PREFIX_value_TYPE(values[PREFIX_index_ENCODING(reader)]) * *place;
      }
      place++;
    }
    input += 8;
  }
  return sum;
}
