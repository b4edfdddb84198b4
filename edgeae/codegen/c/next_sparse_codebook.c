/* Returns the index of the next weight among the values, -1 for a weight of 0.
 * needs: next_bit next_codebook
 */
static int32_t PREFIX_next_sparse_codebook(struct PREFIX_reader_layer *reader) {
  return PREFIX_next_bit(reader) != 0u ? PREFIX_next_codebook(reader) : -1;
}
