/* Rescales sums with one rounding, limits and writes them: eight at once with AVX2.
 * needs: rescale_once clamp limits_x86
 */
#if defined(__AVX2__)
/* (products + 2^(shifts - 1)) >> shifts; 2^62 keeps what is shifted above 0. */
static __m256i PREFIX_shifted_x86(__m256i products, __m256i shifts) {
  const __m256i one = _mm256_set1_epi64x(1);
  const __m256i above = _mm256_slli_epi64(one, 62);
  const __m256i half = _mm256_sllv_epi64(one, _mm256_sub_epi64(shifts, one));
  const __m256i moved = _mm256_add_epi64(_mm256_add_epi64(products, half), above);
  return _mm256_sub_epi64(_mm256_srlv_epi64(moved, shifts), _mm256_srlv_epi64(above, shifts));
}

static __m256i PREFIX_rescaled_once_x86(__m256i sums, __m256i multipliers, __m256i shifts) {
  const __m256i even = PREFIX_shifted_x86(_mm256_mul_epi32(sums, multipliers),
                                          _mm256_and_si256(shifts, _mm256_set1_epi64x(63)));
  const __m256i odd = PREFIX_shifted_x86(
      _mm256_mul_epi32(_mm256_srli_epi64(sums, 32), _mm256_srli_epi64(multipliers, 32)),
      _mm256_srli_epi64(shifts, 32));
  return _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xAA);
}
#endif

static void PREFIX_rescale_once_x86(const int32_t *sums, const int32_t *multipliers,
                                    const int32_t *shifts, int32_t rows,
                                    struct PREFIX_limits_layer limits, int8_t *output) {
  int32_t row = 0;
#if defined(__AVX2__)
  for (; row < rows - 7; row += 8) {
    const __m256i values = PREFIX_rescaled_once_x86(PREFIX_load_x86(sums + row),
                                                    PREFIX_load_x86(multipliers + row),
                                                    PREFIX_load_x86(shifts + row));
    PREFIX_store_x86(values, limits, output + row);
  }
#endif
  for (; row < rows; row++) {
    const int32_t value = PREFIX_rescale_once(sums[row], multipliers[row], shifts[row]);
    output[row] = (int8_t)PREFIX_clamp(value + limits.zero_point, limits.low, limits.high);
  }
}
