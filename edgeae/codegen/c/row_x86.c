/* The sum of one row of weights times one input: with AVX-512 VNNI, with AVX2, or in plain C.
 *
 * The input's values are 0 to 255; weights and input are filled up with zeros to 64 columns.
 * needs: intrinsics_x86
 */
#if defined(__AVX512VNNI__) && defined(__AVX512BW__) && defined(__AVX512VL__)
static int32_t PREFIX_row_x86(const int8_t *weights, const uint8_t *input, int32_t columns) {
  __m512i sum = _mm512_setzero_si512();
  for (int32_t column = 0; column < columns; column += 64) {
    const __m512i values = _mm512_loadu_si512((const void *)(input + column));
    const __m512i weight = _mm512_loadu_si512((const void *)(weights + column));
    sum = _mm512_dpbusd_epi32(sum, values, weight);
  }
  return _mm512_reduce_add_epi32(sum);
}
#elif defined(__AVX2__)
static int32_t PREFIX_row_x86(const int8_t *weights, const uint8_t *input, int32_t columns) {
  __m256i sum = _mm256_setzero_si256();
  __m128i half;
  for (int32_t column = 0; column < columns; column += 16) {
    const __m128i values = _mm_loadu_si128((const __m128i *)(const void *)(input + column));
    const __m128i weight = _mm_loadu_si128((const __m128i *)(const void *)(weights + column));
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_cvtepu8_epi16(values),
                                                  _mm256_cvtepi8_epi16(weight)));
  }
  half = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
  half = _mm_hadd_epi32(half, half);
  return _mm_cvtsi128_si32(_mm_hadd_epi32(half, half));
}
#else
static int32_t PREFIX_row_x86(const int8_t *weights, const uint8_t *input, int32_t columns) {
  int32_t sum = 0;
  for (int32_t column = 0; column < columns; column++) {
    sum += weights[column] * input[column];
  }
  return sum;
}
#endif
