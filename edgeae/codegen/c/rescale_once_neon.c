/* Rescales sums with one rounding, limits and writes them: eight at once with NEON.
 * needs: rescale_once clamp limits_neon
 */
#if defined(__ARM_NEON) && defined(__aarch64__) && !defined(__AARCH64EB__)
static int32x4_t PREFIX_rescaled_once_neon(const int32_t *sums, const int32_t *multipliers,
                                           const int32_t *shifts) {
  const int32x4_t right = vnegq_s32(vld1q_s32(shifts));
  const int64x2_t low = vmull_s32(vld1_s32(sums), vld1_s32(multipliers));
  const int64x2_t high = vmull_s32(vld1_s32(sums + 2), vld1_s32(multipliers + 2));
  return vcombine_s32(vmovn_s64(vrshlq_s64(low, vmovl_s32(vget_low_s32(right)))),
                      vmovn_s64(vrshlq_s64(high, vmovl_s32(vget_high_s32(right)))));
}
#endif

static void PREFIX_rescale_once_neon(const int32_t *sums, const int32_t *multipliers,
                                    const int32_t *shifts, int32_t rows,
                                    struct PREFIX_limits_layer limits, int8_t *output) {
  int32_t row = 0;
#if defined(__ARM_NEON) && defined(__aarch64__) && !defined(__AARCH64EB__)
  for (; row < rows - 7; row += 8) {
    PREFIX_store_neon(PREFIX_rescaled_once_neon(sums + row, multipliers + row, shifts + row),
                      PREFIX_rescaled_once_neon(sums + row + 4, multipliers + row + 4,
                                               shifts + row + 4),
                      limits, output + row);
  }
#endif
  for (; row < rows; row++) {
    const int32_t value = PREFIX_rescale_once(sums[row], multipliers[row], shifts[row]);
    output[row] = (int8_t)PREFIX_clamp(value + limits.zero_point, limits.low, limits.high);
  }
}
