/* Returns the index of the next weight among the values, -1 for a weight of 0.
 * needs: next_bit
 */
static int32_t PREFIX_next_sparse(struct PREFIX_reader_layer *reader) {
  return PREFIX_next_bit(reader) != 0u ? reader->place++ : -1;
}
