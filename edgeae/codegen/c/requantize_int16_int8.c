/* QUANTIZE of int16 to int8, rescaled with two roundings.
 * needs: rescale_twice clamp
 */
struct PREFIX_requantize_int16_int8_layer {
  int32_t size;
  int32_t input_zero_point;
  int32_t multiplier;
  int32_t shift;
  int32_t output_zero_point;
};

static void PREFIX_requantize_int16_int8(const struct PREFIX_requantize_int16_int8_layer *layer,
                                         const int16_t *input, int8_t *output) {
  for (int32_t index = 0; index < layer->size; index++) {
    const int32_t value = PREFIX_rescale_twice(input[index] - layer->input_zero_point,
                                               layer->multiplier, layer->shift);
    output[index] = (int8_t)PREFIX_clamp(value + layer->output_zero_point, -128, 127);
  }
}
