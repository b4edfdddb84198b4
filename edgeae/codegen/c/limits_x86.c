/* Limits values and writes them as bytes.
 * needs: intrinsics_x86
 */
struct PREFIX_limits_layer {
  int32_t zero_point;
  int32_t low;
  int32_t high;
};

#if defined(__AVX2__)
static __m256i PREFIX_load_x86(const void *values) {
  return _mm256_loadu_si256((const __m256i *)values);
}

/* Writes eight values as bytes, with the zero point added and limited. */
static void PREFIX_store_x86(__m256i values, struct PREFIX_limits_layer limits, int8_t *output) {
  const __m256i moved = _mm256_add_epi32(values, _mm256_set1_epi32(limits.zero_point));
  const __m256i above = _mm256_max_epi32(moved, _mm256_set1_epi32(limits.low));
  const __m256i limited = _mm256_min_epi32(above, _mm256_set1_epi32(limits.high));
  const __m128i half =
      _mm_packs_epi32(_mm256_castsi256_si128(limited), _mm256_extracti128_si256(limited, 1));
  _mm_storel_epi64((__m128i *)(void *)output, _mm_packs_epi16(half, half));
}
#endif
