/* Rescales an accumulator with one rounding, halves up: shift is 1 to 62. */
static int32_t PREFIX_rescale_once(int32_t accumulator, int32_t multiplier, int32_t shift) {
  const int64_t product = (int64_t)accumulator * multiplier + ((int64_t)1 << (shift - 1));
  return (int32_t)(product >> shift); /* arithmetic, as gcc, clang and IAR define it */
}
