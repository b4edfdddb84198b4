/* QUANTIZE of int8 or uint8 to int8 or uint8, rescaled with two roundings.
 * needs: rescale_twice clamp
 * An int8 is read and written as a byte with its highest bit flipped.
 */
struct PREFIX_requantize_8_layer {
  int32_t size;
  int32_t input_flip;
  int32_t input_zero_point; /* of the flipped byte */
  int32_t multiplier;
  int32_t shift;
  int32_t output_flip;
  int32_t output_zero_point; /* of the flipped byte */
};

static void PREFIX_requantize_8(const struct PREFIX_requantize_8_layer *layer, const void *input,
                                void *output) {
  for (int32_t index = 0; index < layer->size; index++) {
    int32_t value = ((const uint8_t *)input)[index] ^ layer->input_flip;
    value = PREFIX_rescale_twice(value - layer->input_zero_point, layer->multiplier, layer->shift);
    value = PREFIX_clamp(value + layer->output_zero_point, 0, 255) ^ layer->output_flip;
    ((uint8_t *)output)[index] = (uint8_t)value;
  }
}
