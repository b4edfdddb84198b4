/* Stores values with an offset as bytes, and returns the byte behind the last one. */
static uint8_t *PREFIX_moved(const int8_t *values, int32_t size, int32_t offset, uint8_t *bytes) {
  for (int32_t index = 0; index < size; index++) {
    bytes[index] = (uint8_t)(values[index] + offset);
  }
  return bytes + size;
}
