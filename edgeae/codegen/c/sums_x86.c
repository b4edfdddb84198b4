/* The sums of rows of weights times one input: with AVX-512 VNNI, with AVX2, or in plain C.
 * needs: limits_x86 row_x86 words_x86
 *
 * Rows lie in panels: of 64 as long as more than 48 are left, of 32 as long as more than 16 are,
 * then of 16, the last one filled up with zeros. For each four columns, a panel has four weights of
 * each of its rows. Only the words of the input that are not 0 are multiplied: much of an image is
 * background. Up to 4 rows lie one after the other instead, each filled up to 64 columns.
 */
#if defined(__AVX512VNNI__) && defined(__AVX512BW__) && defined(__AVX512VL__)
static inline void PREFIX_add_x86(__m512i *sum, const int8_t *weights,
                                  const struct PREFIX_words_layer *input, int32_t index,
                                  const int32_t blocks) {
  const int32_t place = input->places[index];
  const __m512i word = _mm512_set1_epi32((int32_t)input->words[place]);
  const int8_t *weight = weights + place * 64 * blocks;
  for (int32_t block = 0; block < blocks; block++) {
    const __m512i four = _mm512_loadu_si512((const void *)(weight + 64 * block));
    sum[block] = _mm512_dpbusd_epi32(sum[block], word, four);
  }
}

/* A product waits for the sum before it, so that one or two blocks have two sums each. */
static inline void PREFIX_panel_x86(const int8_t *weights, const int32_t *bias,
                                    const int32_t *signed_bias,
                                    const struct PREFIX_words_layer *input, int32_t *sums,
                                    const int32_t blocks) {
  __m512i sum[4];
  __m512i other[4];
  int32_t index = 0;
  (void)signed_bias;
  for (int32_t block = 0; block < blocks; block++) {
    sum[block] = _mm512_loadu_si512((const void *)(bias + 16 * block));
    other[block] = _mm512_setzero_si512();
  }
  if (blocks < 4 && input->count % 2 == 1) {
    PREFIX_add_x86(sum, weights, input, index++, blocks);
  }
  while (index < input->count) {
    PREFIX_add_x86(sum, weights, input, index++, blocks);
    if (blocks < 4) {
      PREFIX_add_x86(other, weights, input, index++, blocks);
    }
  }
  for (int32_t block = 0; block < blocks; block++) {
    const __m512i both = _mm512_add_epi32(sum[block], other[block]);
    _mm512_storeu_si512((void *)(sums + 16 * block), both);
  }
}
#elif defined(__AVX2__)
/* Two products of bytes may exceed 16 bits, so that columns 1 and 3 are multiplied as 16 bits. */
static inline void PREFIX_sparse_panel_x86(const int8_t *weights, const int32_t *bias,
                                           const struct PREFIX_words_layer *input, int32_t *sums,
                                           const int32_t blocks) {
  __m256i sum[8];
  for (int32_t half = 0; half < 2 * blocks; half++) {
    sum[half] = PREFIX_load_x86(bias + 8 * half);
  }
  for (int32_t index = 0; index < input->count; index++) {
    const int32_t place = input->places[index];
    const __m256i word = _mm256_set1_epi32((int32_t)input->words[place]);
    const __m256i even = _mm256_and_si256(word, _mm256_set1_epi16(255));
    const __m256i odd = _mm256_srli_epi16(word, 8);
    const int8_t *weight = weights + place * 64 * blocks;
    for (int32_t half = 0; half < 2 * blocks; half++) {
      const __m256i four = PREFIX_load_x86(weight + 32 * half);
      const __m256i low =
          _mm256_madd_epi16(_mm256_maddubs_epi16(even, four), _mm256_set1_epi16(1));
      const __m256i high = _mm256_madd_epi16(_mm256_srai_epi16(four, 8), odd);
      sum[half] = _mm256_add_epi32(sum[half], _mm256_add_epi32(low, high));
    }
  }
  for (int32_t half = 0; half < 2 * blocks; half++) {
    _mm256_storeu_si256((__m256i *)(void *)(sums + 8 * half), sum[half]);
  }
}

/* x * w is |x| * w, or |x| * ~w + |x| if x is below 0; two of the products fit into 16 bits. */
static inline void PREFIX_dense_panel_x86(const int8_t *weights, const int32_t *bias,
                                          const struct PREFIX_words_layer *input, int32_t *sums,
                                          const int32_t blocks) {
  const __m256i negative = _mm256_set1_epi32(input->negative);
  __m256i sum[8];
  for (int32_t half = 0; half < 2 * blocks; half++) {
    sum[half] = _mm256_add_epi32(PREFIX_load_x86(bias + 8 * half), negative);
  }
  for (int32_t place = 0; place < input->words_count; place++) {
    const __m256i word = _mm256_xor_si256(_mm256_set1_epi32((int32_t)input->words[place]),
                                          _mm256_set1_epi8(-128));
    const __m256i sign = _mm256_cmpgt_epi8(_mm256_setzero_si256(), word);
    const __m256i magnitude = _mm256_abs_epi8(word);
    for (int32_t half = 0; half < 2 * blocks; half++) {
      const __m256i four = _mm256_xor_si256(PREFIX_load_x86(weights + 32 * half), sign);
      const __m256i pairs = _mm256_maddubs_epi16(magnitude, four);
      const __m256i both = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
      sum[half] = _mm256_add_epi32(sum[half], both);
    }
    weights += 64 * blocks;
  }
  for (int32_t half = 0; half < 2 * blocks; half++) {
    _mm256_storeu_si256((__m256i *)(void *)(sums + 8 * half), sum[half]);
  }
}

static inline void PREFIX_panel_x86(const int8_t *weights, const int32_t *bias,
                                    const int32_t *signed_bias,
                                    const struct PREFIX_words_layer *input, int32_t *sums,
                                    const int32_t blocks) {
  if (input->count * 3 > input->words_count * 2) { /* the dense way takes 2/3 of the time */
    PREFIX_dense_panel_x86(weights, signed_bias, input, sums, blocks);
  } else {
    PREFIX_sparse_panel_x86(weights, bias, input, sums, blocks);
  }
}
#else
static void PREFIX_panel_x86(const int8_t *weights, const int32_t *bias,
                             const int32_t *signed_bias, const struct PREFIX_words_layer *input,
                             int32_t *sums, const int32_t blocks) {
  (void)signed_bias;
  for (int32_t row = 0; row < 16 * blocks; row++) {
    sums[row] = bias[row];
  }
  for (int32_t index = 0; index < input->count; index++) {
    const int32_t place = input->places[index];
    const uint8_t *x = (const uint8_t *)(input->words + place);
    const int8_t *four = weights + place * 64 * blocks;
    for (int32_t row = 0; row < 16 * blocks; row++) {
      sums[row] += four[0] * x[0] + four[1] * x[1] + four[2] * x[2] + four[3] * x[3];
      four += 4;
    }
  }
}
#endif

/* Writes the sums of all rows; `bias` makes up for the 128 in the input, `signed_bias` does not. */
static void PREFIX_sums_x86(const int8_t *weights, const int32_t *bias, const int32_t *signed_bias,
                            int32_t rows, struct PREFIX_words_layer *input, int32_t *sums) {
  if (rows <= 4) {
    const int32_t columns = (input->words_count + 15) / 16 * 64;
    for (int32_t row = 0; row < rows; row++) {
      sums[row] = bias[row] + PREFIX_row_x86(weights + row * columns,
                                             (const uint8_t *)input->words, columns);
    }
    return;
  }
  PREFIX_list_x86(input);
  for (int32_t row = 0; row < rows;) {
    const int32_t blocks = rows - row > 48 ? 4 : rows - row > 16 ? 2 : 1;
    if (blocks == 4) {
      PREFIX_panel_x86(weights, bias + row, signed_bias + row, input, sums + row, 4);
    } else if (blocks == 2) {
      PREFIX_panel_x86(weights, bias + row, signed_bias + row, input, sums + row, 2);
    } else {
      PREFIX_panel_x86(weights, bias + row, signed_bias + row, input, sums + row, 1);
    }
    weights += 64 * blocks * input->words_count;
    row += 16 * blocks;
  }
}
