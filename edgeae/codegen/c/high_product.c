/* The product of two values in units of 2^-31, rounded, halves up. */
static int32_t PREFIX_high_product(int32_t left, int32_t right) {
  return (int32_t)(((int64_t)left * right + ((int64_t)1 << 30)) >> 31);
}
