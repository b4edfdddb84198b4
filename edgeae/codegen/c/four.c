/* Four bytes as one number; one instruction where a core reads any address. */
static uint32_t PREFIX_four(const int8_t *bytes) {
  return (uint32_t)(uint8_t)bytes[0] | (uint32_t)(uint8_t)bytes[1] << 8 |
         (uint32_t)(uint8_t)bytes[2] << 16 | (uint32_t)(uint8_t)bytes[3] << 24;
}
