/* ADD and SUB of int8: both operands in steps of one scale, 2^-20 of a step each, then the sum.
 * needs: seek rescale_twice clamp
 */
struct PREFIX_add_int8_layer {
  const int32_t *axes; /* extent, stride of the first operand, stride of the second one */
  int32_t outer;
  int32_t rows;
  int32_t count;
  int32_t first_step;
  int32_t second_step;
  int32_t first_zero_point;
  int32_t first_multiplier;
  int32_t first_shift;
  int32_t second_zero_point;
  int32_t second_multiplier;
  int32_t second_shift;
  int32_t sign; /* 1: sum; -1: difference */
  int32_t multiplier;
  int32_t shift;
  int32_t zero_point;
  int32_t low;
  int32_t high;
};

static void PREFIX_add_int8(const struct PREFIX_add_int8_layer *layer,
                            const int8_t *first, const int8_t *second, int8_t *output) {
  for (int32_t row = 0; row < layer->rows; row++) {
    int32_t a = 0, b = 0;
    PREFIX_seek(layer->axes, layer->outer, row, &a, &b);
    for (int32_t index = 0; index < layer->count; index++) {
      const int32_t left = (first[a] - layer->first_zero_point) * 1048576;
      const int32_t right = (second[b] - layer->second_zero_point) * 1048576;
      int32_t sum = PREFIX_rescale_twice(left, layer->first_multiplier, layer->first_shift);
      sum += layer->sign *
             PREFIX_rescale_twice(right, layer->second_multiplier, layer->second_shift);
      sum = PREFIX_rescale_twice(sum, layer->multiplier, layer->shift);
      *output++ = (int8_t)PREFIX_clamp(sum + layer->zero_point, layer->low, layer->high);
      a += layer->first_step;
      b += layer->second_step;
    }
  }
}
