/* Returns the index of the next weight among the values, -1 for a weight of 0.
 * needs: weight_reader
 */
static int32_t PREFIX_next_gaps_codebook(struct PREFIX_reader_layer *reader) {
  if (reader->length == 0) {
    reader->word = *reader->stream++;
    reader->length = 1 + (int32_t)(reader->word >> reader->index_bits);
  }
  if (--reader->length > 0) {
    return -1;
  }
  return (int32_t)(reader->word & (((uint32_t)1 << reader->index_bits) - 1u));
}
