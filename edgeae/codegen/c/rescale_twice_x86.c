/* Rescales sums with two roundings, limits and writes them: eight at once with AVX2.
 * needs: rescale_twice clamp limits_x86
 */
#if defined(__AVX2__)
static __m256i PREFIX_rescaled_twice_x86(__m256i sums, __m256i multipliers, __m256i shifts) {
  const __m256i zero = _mm256_setzero_si256();
  const __m256i half = _mm256_set1_epi64x(1 << 30);
  const __m256i right = _mm256_max_epi32(_mm256_sub_epi32(zero, shifts), zero);
  const __m256i values = _mm256_sllv_epi32(sums, _mm256_max_epi32(shifts, zero));
  const __m256i even = _mm256_add_epi64(_mm256_mul_epi32(values, multipliers), half);
  const __m256i odd = _mm256_add_epi64(
      _mm256_mul_epi32(_mm256_srli_epi64(values, 32), _mm256_srli_epi64(multipliers, 32)), half);
  const __m256i high =
      _mm256_blend_epi32(_mm256_srli_epi64(even, 31), _mm256_slli_epi64(odd, 1), 0xAA);
  const __m256i mask = _mm256_sub_epi32(_mm256_sllv_epi32(_mm256_set1_epi32(1), right),
                                        _mm256_set1_epi32(1));
  const __m256i limit =
      _mm256_sub_epi32(_mm256_srli_epi32(mask, 1), _mm256_cmpgt_epi32(zero, high));
  const __m256i up = _mm256_cmpgt_epi32(_mm256_and_si256(high, mask), limit);
  return _mm256_sub_epi32(_mm256_srav_epi32(high, right), up);
}
#endif

static void PREFIX_rescale_twice_x86(const int32_t *sums, const int32_t *multipliers,
                                     const int32_t *shifts, int32_t rows,
                                     struct PREFIX_limits_layer limits, int8_t *output) {
  int32_t row = 0;
#if defined(__AVX2__)
  for (; row < rows - 7; row += 8) {
    const __m256i values = PREFIX_rescaled_twice_x86(PREFIX_load_x86(sums + row),
                                                     PREFIX_load_x86(multipliers + row),
                                                     PREFIX_load_x86(shifts + row));
    PREFIX_store_x86(values, limits, output + row);
  }
#endif
  for (; row < rows; row++) {
    const int32_t value = PREFIX_rescale_twice(sums[row], multipliers[row], shifts[row]);
    output[row] = (int8_t)PREFIX_clamp(value + limits.zero_point, limits.low, limits.high);
  }
}
