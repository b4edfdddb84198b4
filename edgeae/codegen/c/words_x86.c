/* An input as words of four bytes, and the places of those that are not 0.
 *
 * A value x is stored as x + 128, 0 to 255: background is 0 if the zero point is -128, as that of
 * an image, or of what follows a RELU, is.
 * needs: vectors_x86
 */
struct PREFIX_words_layer {
  const uint32_t *words;
  const int32_t *places; /* of the words that are not 0 */
  int32_t words_count;
  int32_t count;    /* of places */
  int32_t negative; /* AVX2 only: the sum of -x of all x below 0, with zeros behind the input */
};

#if defined(__AVX512VNNI__) && defined(__AVX512BW__) && defined(__AVX512VL__)
static void PREFIX_list_x86(struct PREFIX_words_layer *input, int32_t count, int32_t *places) {
  const __m512i first = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  for (int32_t place = 0; place < count; place += 16) {
    const __m512i word = _mm512_loadu_si512((const void *)(input->words + place));
    const __mmask16 mask = _mm512_test_epi32_mask(word, word);
    const __m512i found = _mm512_maskz_compress_epi32(
        mask, _mm512_add_epi32(first, _mm512_set1_epi32(place)));
    _mm512_storeu_si512((void *)(places + input->count), found);
    input->count += _mm_popcnt_u32((uint32_t)mask);
  }
}
#elif defined(__AVX2__)
/* The places of the bits of a mask, lowest first. */
static const uint8_t PREFIX_bits_x86[16][4] = {
    {0, 0, 0, 0}, {0, 0, 0, 0}, {1, 0, 0, 0}, {0, 1, 0, 0}, {2, 0, 0, 0}, {0, 2, 0, 0},
    {1, 2, 0, 0}, {0, 1, 2, 0}, {3, 0, 0, 0}, {0, 3, 0, 0}, {1, 3, 0, 0}, {0, 1, 3, 0},
    {2, 3, 0, 0}, {0, 2, 3, 0}, {1, 2, 3, 0}, {0, 1, 2, 3},
};

static void PREFIX_list_x86(struct PREFIX_words_layer *input, int32_t count, int32_t *places) {
  const __m128i zero = _mm_setzero_si128();
  __m128i negative = zero;
  for (int32_t place = 0; place < count; place += 4) {
    const __m128i four = _mm_loadu_si128((const __m128i *)(const void *)(input->words + place));
    const __m128i below = _mm_subs_epu8(_mm_set1_epi8(-128), four);
    const __m128i empty = _mm_cmpeq_epi32(four, zero);
    const int32_t mask = _mm_movemask_ps(_mm_castsi128_ps(empty)) ^ 15;
    const __m128i bits = _mm_loadu_si32(PREFIX_bits_x86[mask]);
    const __m128i found = _mm_add_epi32(_mm_cvtepu8_epi32(bits), _mm_set1_epi32(place));
    _mm_storeu_si128((__m128i *)(void *)(places + input->count), found);
    input->count += _mm_popcnt_u32((uint32_t)mask);
    negative = _mm_add_epi32(negative, _mm_sad_epu8(below, zero));
  }
  input->negative = _mm_cvtsi128_si32(negative) + _mm_extract_epi32(negative, 2) -
                    512 * (count - input->words_count);
}
#else
static void PREFIX_list_x86(struct PREFIX_words_layer *input, int32_t count, int32_t *places) {
  for (int32_t place = 0; place < count; place++) {
    places[input->count] = place;
    input->count += input->words[place] != 0;
  }
}
#endif

/* Reads an input; `scratch` has 128 bytes for each 64 columns or fewer. */
static struct PREFIX_words_layer PREFIX_words_x86(const int8_t *input, int32_t columns,
                                                  uint32_t *scratch) {
  const int32_t count = (columns + 63) / 64 * 16;
  int32_t *places = (int32_t *)(void *)(scratch + count);
  uint8_t *bytes = (uint8_t *)scratch;
  struct PREFIX_words_layer words = {scratch, places, (columns + 3) / 4, 0, 0};
  for (int32_t column = 0; column < columns; column++) {
    bytes[column] = (uint8_t)(input[column] + 128);
  }
  for (int32_t column = columns; column < 4 * count; column++) {
    bytes[column] = 0;
  }
  PREFIX_list_x86(&words, count, places);
  return words;
}
