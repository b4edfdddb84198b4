/* PRELU of int8: negative values are multiplied by alpha, which is repeated.
 * needs: rescale_twice clamp
 */
struct PREFIX_prelu_int8_layer {
  const int8_t *alpha;
  int32_t alphas;
  int32_t input_zero_point;
  int32_t alpha_zero_point;
  int32_t zero_point;
  int32_t multiplier;
  int32_t shift;
  int32_t negative_multiplier;
  int32_t negative_shift;
  int32_t size;
};

static void PREFIX_prelu_int8(const struct PREFIX_prelu_int8_layer *layer, const int8_t *input,
                              int8_t *output) {
  for (int32_t first = 0; first < layer->size; first += layer->alphas) {
    for (int32_t index = 0; index < layer->alphas; index++) {
      int32_t value = input[first + index] - layer->input_zero_point;
      if (value >= 0) {
        value = PREFIX_rescale_twice(value, layer->multiplier, layer->shift);
      } else {
        value *= layer->alpha[index] - layer->alpha_zero_point;
        value = PREFIX_rescale_twice(value, layer->negative_multiplier, layer->negative_shift);
      }
      output[first + index] = (int8_t)PREFIX_clamp(value + layer->zero_point, -128, 127);
    }
  }
}
