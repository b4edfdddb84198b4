/* MUL of int16, rescaled with two roundings.
 * needs: seek rescale_twice clamp
 */
struct PREFIX_mul_int16_layer {
  const int32_t *axes; /* extent, stride of the first operand, stride of the second one */
  int32_t outer;
  int32_t rows;
  int32_t count;
  int32_t first_step;
  int32_t second_step;
  int32_t first_zero_point;
  int32_t second_zero_point;
  int32_t multiplier;
  int32_t shift;
  int32_t zero_point;
  int32_t low;
  int32_t high;
};

static void PREFIX_mul_int16(const struct PREFIX_mul_int16_layer *layer,
                             const int16_t *first, const int16_t *second, int16_t *output) {
  for (int32_t row = 0; row < layer->rows; row++) {
    int32_t a = 0, b = 0;
    PREFIX_seek(layer->axes, layer->outer, row, &a, &b);
    for (int32_t index = 0; index < layer->count; index++) {
      const int32_t product =
          (first[a] - layer->first_zero_point) * (second[b] - layer->second_zero_point);
      const int32_t value = PREFIX_rescale_twice(product, layer->multiplier, layer->shift);
      *output++ = (int16_t)PREFIX_clamp(value + layer->zero_point, layer->low, layer->high);
      a += layer->first_step;
      b += layer->second_step;
    }
  }
}
