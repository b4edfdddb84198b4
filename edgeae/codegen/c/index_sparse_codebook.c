/* Returns the index among the values of the next weight that is not 0.
 * needs: next_codebook
 */
static int32_t PREFIX_index_sparse_codebook(struct PREFIX_reader_layer *reader) {
  return PREFIX_next_codebook(reader);
}
