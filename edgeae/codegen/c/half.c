/* Returns the value of a float16 that is finite; the conversion is exact. */
static float PREFIX_half(uint16_t bits) {
  const uint32_t magnitude = bits & 0x7FFFu;
  union {
    uint32_t bits;
    float value;
  } word;
  if (magnitude < 0x400u) {
    word.value = (float)magnitude * 5.9604644775390625e-8f; /* below 2^-14: in units of 2^-24 */
  } else {
    word.bits = (magnitude << 13) + (112u << 23); /* the exponents' biases are 15 and 127 */
  }
  return (bits & 0x8000u) != 0 ? -word.value : word.value;
}
