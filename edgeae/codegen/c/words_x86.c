/* An input as words of four bytes, and the places of those that are not 0.
 *
 * A value x is stored as x + 128, 0 to 255: background is 0 if the zero point is -128, as that of
 * an image, or of what follows a RELU, is.
 * needs: intrinsics_x86
 */
struct PREFIX_words_layer {
  uint32_t *words;
  int32_t *places; /* of the words that are not 0 */
  int32_t words_count;
  int32_t count;    /* of places */
  int32_t negative; /* AVX2 only: the sum of -x of all x below 0, with zeros behind the input */
};

#if defined(__AVX512VNNI__) && defined(__AVX512BW__) && defined(__AVX512VL__)
static void PREFIX_list_x86(struct PREFIX_words_layer *input) {
  const int32_t count = (input->words_count + 15) / 16 * 16;
  const __m512i first = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  input->count = 0;
  for (int32_t place = 0; place < count; place += 16) {
    const __m512i word = _mm512_loadu_si512((const void *)(input->words + place));
    const __mmask16 mask = _mm512_test_epi32_mask(word, word);
    const __m512i found = _mm512_maskz_compress_epi32(
        mask, _mm512_add_epi32(first, _mm512_set1_epi32(place)));
    _mm512_storeu_si512((void *)(input->places + input->count), found);
    input->count += __builtin_popcount((uint32_t)mask);
  }
}
#elif defined(__AVX2__)
/* The places of the bits of a mask as bytes, lowest first. */
static const int32_t PREFIX_bits_x86[16] = {
    0x0, 0x0, 0x1, 0x100, 0x2, 0x200, 0x201, 0x20100, 0x3, 0x300, 0x301, 0x30100, 0x302, 0x30200,
    0x30201, 0x3020100,
};

static void PREFIX_list_x86(struct PREFIX_words_layer *input) {
  const int32_t count = (input->words_count + 15) / 16 * 16;
  const __m128i zero = _mm_setzero_si128();
  __m128i negative = zero;
  input->count = 0;
  for (int32_t place = 0; place < count; place += 4) {
    const __m128i four = _mm_loadu_si128((const __m128i *)(const void *)(input->words + place));
    const __m128i below = _mm_subs_epu8(_mm_set1_epi8(-128), four);
    const __m128i empty = _mm_cmpeq_epi32(four, zero);
    const int32_t mask = _mm_movemask_ps(_mm_castsi128_ps(empty)) ^ 15;
    const __m128i bits = _mm_cvtsi32_si128(PREFIX_bits_x86[mask]);
    const __m128i found = _mm_add_epi32(_mm_cvtepu8_epi32(bits), _mm_set1_epi32(place));
    _mm_storeu_si128((__m128i *)(void *)(input->places + input->count), found);
    input->count += __builtin_popcount((uint32_t)mask);
    negative = _mm_add_epi32(negative, _mm_sad_epu8(below, zero));
  }
  input->negative = _mm_cvtsi128_si32(negative) + _mm_extract_epi32(negative, 2) -
                    512 * (count - input->words_count);
}
#else
static void PREFIX_list_x86(struct PREFIX_words_layer *input) {
  const int32_t count = (input->words_count + 15) / 16 * 16;
  input->count = 0;
  for (int32_t place = 0; place < count; place++) {
    input->places[input->count] = place;
    input->count += input->words[place] != 0;
  }
}
#endif

/* Returns words of 0; `scratch` has 128 bytes for each 64 columns or fewer. */
static struct PREFIX_words_layer PREFIX_words_x86(int32_t columns, uint32_t *scratch) {
  const int32_t count = (columns + 63) / 64 * 16;
  struct PREFIX_words_layer words = {0, 0, 0, 0, 0};
  words.words = scratch;
  words.places = (int32_t *)(void *)(scratch + count);
  words.words_count = (columns + 3) / 4;
  for (int32_t place = 0; place < count; place++) {
    scratch[place] = 0;
  }
  return words;
}
