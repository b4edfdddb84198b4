/* Rescales sums with two roundings, limits and writes them: eight at once with NEON.
 * needs: rescale_twice clamp limits_neon
 */
#if defined(__ARM_NEON) && defined(__aarch64__) && !defined(__AARCH64EB__)
/* The last shift rounds halves up: a value below 0 is lowered by 1 before, if there is a shift. */
static int32x4_t PREFIX_rescaled_twice_neon(const int32_t *sums, const int32_t *multipliers,
                                            const int32_t *shifts) {
  const int32x4_t zero = vdupq_n_s32(0);
  const int32x4_t shift = vld1q_s32(shifts);
  const int32x4_t right = vminq_s32(shift, zero);
  const int32x4_t values = vshlq_s32(vld1q_s32(sums), vmaxq_s32(shift, zero));
  const int32x4_t high = vqrdmulhq_s32(values, vld1q_s32(multipliers));
  const int32x4_t lowered = vshrq_n_s32(vandq_s32(high, right), 31);
  return vrshlq_s32(vqaddq_s32(high, lowered), right);
}
#endif

static void PREFIX_rescale_twice_neon(const int32_t *sums, const int32_t *multipliers,
                                     const int32_t *shifts, int32_t rows,
                                     struct PREFIX_limits_layer limits, int8_t *output) {
  int32_t row = 0;
#if defined(__ARM_NEON) && defined(__aarch64__) && !defined(__AARCH64EB__)
  for (; row < rows - 7; row += 8) {
    PREFIX_store_neon(PREFIX_rescaled_twice_neon(sums + row, multipliers + row, shifts + row),
                      PREFIX_rescaled_twice_neon(sums + row + 4, multipliers + row + 4,
                                                shifts + row + 4),
                      limits, output + row);
  }
#endif
  for (; row < rows; row++) {
    const int32_t value = PREFIX_rescale_twice(sums[row], multipliers[row], shifts[row]);
    output[row] = (int8_t)PREFIX_clamp(value + limits.zero_point, limits.low, limits.high);
  }
}
