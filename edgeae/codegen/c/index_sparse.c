/* Returns the index among the values of the next weight that is not 0.
 * needs: weight_reader
 */
static int32_t PREFIX_index_sparse(struct PREFIX_reader_layer *reader) { return reader->place++; }
