/* The state of reading compressed weights one after the other; see edgeae/codegen/packing.py. */
struct PREFIX_reader_layer {
  const uint8_t *bitmap; /* one bit a weight, the lowest bit of a byte first; each row begins a byte */
  const uint8_t *stream; /* indices of index_bits, the lowest bit first; or gaps */
  int32_t index_bits;
  uint32_t map;   /* bits of the bitmap's byte that were not read yet, below a 1 */
  uint32_t word;  /* bits of the stream that were not read yet */
  int32_t length; /* their number; of gaps, the weights up to the next value */
  int32_t place;  /* of the next value that no index names */
};

static struct PREFIX_reader_layer PREFIX_weight_reader(const uint8_t *bitmap, const uint8_t *stream,
                                                       int32_t index_bits) {
  struct PREFIX_reader_layer reader = {0, 0, 0, 1, 0, 0, 0};
  reader.bitmap = bitmap;
  reader.stream = stream;
  reader.index_bits = index_bits;
  return reader;
}
