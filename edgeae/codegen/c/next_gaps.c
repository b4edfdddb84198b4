/* Returns the index of the next weight among the values, -1 for a weight of 0.
 * needs: weight_reader
 */
static int32_t PREFIX_next_gaps(struct PREFIX_reader_layer *reader) {
  if (reader->length == 0) {
    reader->length = 1 + *reader->stream++;
  }
  return --reader->length > 0 ? -1 : reader->place++;
}
