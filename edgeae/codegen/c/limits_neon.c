/* Limits values and writes them as bytes.
 * needs: intrinsics_neon
 */
struct PREFIX_limits_layer {
  int32_t zero_point;
  int32_t low;
  int32_t high;
};

#if defined(__ARM_NEON) && defined(__aarch64__) && !defined(__AARCH64EB__)
static int16x4_t PREFIX_limited_neon(int32x4_t values, struct PREFIX_limits_layer limits) {
  const int32x4_t moved = vaddq_s32(values, vdupq_n_s32(limits.zero_point));
  const int32x4_t above = vmaxq_s32(moved, vdupq_n_s32(limits.low));
  return vmovn_s32(vminq_s32(above, vdupq_n_s32(limits.high)));
}

/* Writes eight values, with the zero point added and limited. */
static void PREFIX_store_neon(int32x4_t first, int32x4_t second, struct PREFIX_limits_layer limits,
                              int8_t *output) {
  const int16x8_t both =
      vcombine_s16(PREFIX_limited_neon(first, limits), PREFIX_limited_neon(second, limits));
  vst1_s8(output, vmovn_s16(both));
}
#endif
