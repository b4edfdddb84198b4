/* Returns the value of a float16 that is finite; the conversion is exact, and without a branch.
 *
 * The exponents' biases are 15 and 127. A float16 below 2^-14 has no leading 1: it gets one here,
 * with the exponent of 2^-14, which is subtracted again.
 */
static float PREFIX_half(uint16_t bits) {
  const uint32_t magnitude = bits & 0x7FFFu;
  const uint32_t small = magnitude < 0x400u ? 1u : 0u;
  union {
    uint32_t bits;
    float value;
  } word;
  word.bits = (magnitude << 13) + ((112u + small) << 23);
  word.value -= (float)small * 6.103515625e-5f;
  return (bits & 0x8000u) != 0 ? -word.value : word.value;
}
