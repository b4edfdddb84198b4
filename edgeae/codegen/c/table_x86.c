/* A function of one int8 value by a table, 64 values at once with AVX-512 VBMI, 32 with AVX2.
 * needs: intrinsics_x86
 */
struct PREFIX_table_x86_layer {
  const int8_t *table; /* index 0 is the value -128 */
  int32_t size;
};

#if defined(__AVX512VBMI__) && defined(__AVX512BW__)
static int32_t PREFIX_table_start_x86(const struct PREFIX_table_x86_layer *layer,
                                      const int8_t *input, int8_t *output) {
  const __m512i low = _mm512_loadu_si512((const void *)layer->table);
  const __m512i second = _mm512_loadu_si512((const void *)(layer->table + 64));
  const __m512i third = _mm512_loadu_si512((const void *)(layer->table + 128));
  const __m512i high = _mm512_loadu_si512((const void *)(layer->table + 192));
  int32_t index = 0;
  for (; index < layer->size - 63; index += 64) {
    const __m512i x = _mm512_loadu_si512((const void *)(input + index));
    const __m512i below = _mm512_permutex2var_epi8(low, x, second);
    const __m512i above = _mm512_permutex2var_epi8(third, x, high);
    const __m512i values = _mm512_mask_blend_epi8(_mm512_movepi8_mask(x), above, below);
    _mm512_storeu_si512((void *)(output + index), values);
  }
  return index;
}
#elif defined(__AVX2__)
/* A shuffle gives 0 where its index is below 0. Each index is lowered by 16 step by step, and each
 * step replaces the value of the last one: it adds the exclusive or of both.
 */
static __m256i PREFIX_table_half_x86(const __m256i *changes, __m256i x) {
  __m256i values = _mm256_shuffle_epi8(changes[0], x);
  for (int32_t step = 1; step < 8; step++) {
    x = _mm256_subs_epi8(x, _mm256_set1_epi8(16));
    values = _mm256_xor_si256(values, _mm256_shuffle_epi8(changes[step], x));
  }
  return values;
}

static int32_t PREFIX_table_start_x86(const struct PREFIX_table_x86_layer *layer,
                                      const int8_t *input, int8_t *output) {
  __m256i changes[16];
  __m256i last = _mm256_setzero_si256();
  int32_t index = 0;
  for (int32_t step = 0; step < 16; step++) {
    const __m128i *sixteen = (const __m128i *)(const void *)(layer->table + 16 * step);
    const __m256i values = _mm256_broadcastsi128_si256(_mm_loadu_si128(sixteen));
    changes[step] = step == 8 ? values : _mm256_xor_si256(values, last);
    last = values;
  }
  for (; index < layer->size - 31; index += 32) {
    const __m256i x = _mm256_loadu_si256((const __m256i *)(const void *)(input + index));
    const __m256i above = PREFIX_table_half_x86(changes + 8, x);
    const __m256i below =
        PREFIX_table_half_x86(changes, _mm256_xor_si256(x, _mm256_set1_epi8(-128)));
    _mm256_storeu_si256((__m256i *)(void *)(output + index), _mm256_xor_si256(below, above));
  }
  return index;
}
#endif

static void PREFIX_table_x86(const struct PREFIX_table_x86_layer *layer, const int8_t *input,
                             int8_t *output) {
  int32_t index = 0;
#if defined(__AVX2__)
  index = PREFIX_table_start_x86(layer, input, output);
#endif
  for (; index < layer->size; index++) {
    output[index] = layer->table[input[index] + 128];
  }
}
