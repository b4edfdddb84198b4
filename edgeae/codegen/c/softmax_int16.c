/* SOFTMAX of int16 over the last dimension, by tables of e^x and 1 / (1 + x).
 * needs: rescale_twice clamp read_between_int16
 */
struct PREFIX_softmax_int16_layer {
  const int16_t *exponentials;
  const int16_t *reciprocals;
  int32_t multiplier;
  int32_t shift;
  int32_t rows;
  int32_t depth;
};

static void PREFIX_softmax_int16(const struct PREFIX_softmax_int16_layer *layer, const int16_t *input,
                                 int16_t *output) {
  for (int32_t row = 0; row < layer->rows; row++) {
    int32_t largest = -32768;
    for (int32_t index = 0; index < layer->depth; index++) {
      largest = input[index] > largest ? input[index] : largest;
    }
    int32_t sum = 0;
    for (int32_t index = 0; index < layer->depth; index++) {
      const int32_t distance = input[index] - largest;
      const int32_t place =
          PREFIX_rescale_twice(distance, layer->multiplier, layer->shift) + 32767;
      const int32_t limited = PREFIX_clamp(place, -32768, 32767);
      output[index] = (int16_t)PREFIX_read_between_int16(layer->exponentials, limited);
      sum += output[index];
    }
    int32_t shift = 30; /* of the product of an exponential and the reciprocal, and by 1 / sum */
    int64_t scaled = sum;
    while (scaled < (int64_t)1 << 30) {
      scaled <<= 1;
      shift--;
    }
    const int32_t place = (int32_t)((scaled + (1 << 13)) >> 14) - 98304;
    const int32_t reciprocal = PREFIX_read_between_int16(
        layer->reciprocals, PREFIX_clamp(place, -32768, 32767));
    for (int32_t index = 0; index < layer->depth; index++) {
      const int64_t product = (int64_t)output[index] * reciprocal;
      const int64_t value = (product + ((int64_t)1 << (shift - 1))) >> shift;
      output[index] = (int16_t)PREFIX_clamp((int32_t)value, 0, 32767);
    }
    input += layer->depth;
    output += layer->depth;
  }
}
