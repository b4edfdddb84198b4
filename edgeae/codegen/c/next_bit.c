/* Returns the next bit of the bitmap: whether the next weight is not 0.
 * needs: weight_reader
 */
static uint32_t PREFIX_next_bit(struct PREFIX_reader_layer *reader) {
  uint32_t bit;
  if (reader->map == 1u) {
    reader->map = 0x100u | *reader->bitmap++;
  }
  bit = reader->map & 1u;
  reader->map >>= 1;
  return bit;
}
