/* Returns the index of the next weight of a bitmap among the values, -1 for a weight of 0.
 * needs: next_bit index_ENCODING
 */
static int32_t PREFIX_next_ENCODING(struct PREFIX_reader_layer *reader) {
  return PREFIX_next_bit(reader) != 0u ? PREFIX_index_ENCODING(reader) : -1;
}
