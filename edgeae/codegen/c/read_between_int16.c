/* Reads a table of 513 values at -32768, -32640 ... 32768 between them. */
static int32_t PREFIX_read_between_int16(const int16_t *table, int32_t place) {
  const int16_t *base = table + 256 + (place >> 7);
  return base[0] + (((base[1] - base[0]) * (place & 127) + 64) >> 7);
}
