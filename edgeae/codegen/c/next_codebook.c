/* Returns the index of the next weight among the values.
 * needs: weight_reader
 */
static int32_t PREFIX_next_codebook(struct PREFIX_reader_layer *reader) {
  const int32_t bits = reader->index_bits; /* at most 8 */
  int32_t index;
  if (reader->length < bits) {
    reader->word |= (uint32_t)*reader->stream++ << reader->length;
    reader->length += 8;
  }
  index = (int32_t)(reader->word & (((uint32_t)1 << bits) - 1u));
  reader->word >>= bits;
  reader->length -= bits;
  return index;
}
