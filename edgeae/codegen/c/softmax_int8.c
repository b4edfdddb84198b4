/* SOFTMAX of int8 over the last dimension.
 * needs: high_product clamp
 * The exponential of each distance from the largest value is a table of 31-bit fractions; distances
 * behind its end add nothing. The reciprocal of the sum takes three steps of Newton's method.
 */
struct PREFIX_softmax_int8_layer {
  const int32_t *exponentials;
  int32_t count;
  int32_t rows;
  int32_t depth;
};

/* 1 / (1 + x) for x from 0 to 1, both in units of 2^-31. */
static int32_t PREFIX_softmax_reciprocal(int32_t x) {
  const int32_t half = (int32_t)(((int64_t)x + ((int64_t)1 << 31)) >> 1);
  int32_t guess = 1515870810 + PREFIX_high_product(half, -1010580540); /* 48/17 - 32/17 half */
  for (int32_t step = 0; step < 3; step++) {
    const int32_t error = (1 << 29) - PREFIX_high_product(half, guess);
    guess += PREFIX_high_product(guess, error) * 4;
  }
  return guess > 0x3FFFFFFF ? 0x7FFFFFFF : guess * 2;
}

static void PREFIX_softmax_int8(const struct PREFIX_softmax_int8_layer *layer, const int8_t *input,
                                int8_t *output) {
  for (int32_t row = 0; row < layer->rows; row++) {
    int32_t largest = -128;
    for (int32_t index = 0; index < layer->depth; index++) {
      largest = input[index] > largest ? input[index] : largest;
    }
    uint32_t sum = 0;
    for (int32_t index = 0; index < layer->depth; index++) {
      const int32_t distance = largest - input[index];
      if (distance < layer->count) {
        sum += ((uint32_t)layer->exponentials[distance] + (1u << 11)) >> 12;
      }
    }
    int32_t shift = 35; /* of an output in units of 2^-31 to units of 2^-8, and by 2^12 / sum */
    while (sum < 1u << 31) {
      sum <<= 1;
      shift--;
    }
    const int32_t scale = PREFIX_softmax_reciprocal((int32_t)(sum - (1u << 31)));
    for (int32_t index = 0; index < layer->depth; index++) {
      const int32_t distance = largest - input[index];
      int64_t value = 0;
      if (distance < layer->count) {
        value = PREFIX_high_product(scale, layer->exponentials[distance]);
      }
      value = ((value + ((int64_t)1 << (shift - 1))) >> shift) - 128;
      output[index] = (int8_t)PREFIX_clamp((int32_t)value, -128, 127);
    }
    input += layer->depth;
    output += layer->depth;
  }
}
