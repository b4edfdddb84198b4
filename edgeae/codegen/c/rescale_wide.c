/* Rescales a 64-bit accumulator below 2^47 by a 15-bit multiplier, halves up: shift is 1 to 46.
 * The lowest 32 bits of the result are returned.
 */
static int32_t PREFIX_rescale_wide(int64_t accumulator, int32_t multiplier, int32_t shift) {
  const int64_t product = accumulator * multiplier + ((int64_t)1 << (shift - 1));
  return (int32_t)(product >> shift); /* arithmetic, as gcc, clang and IAR define it */
}
