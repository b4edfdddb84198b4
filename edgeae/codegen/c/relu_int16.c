/* Rescales int16 values, negative ones by a multiplier of their own, and limits them.
 * needs: rescale_twice clamp
 */
struct PREFIX_relu_int16_layer {
  int32_t multiplier;
  int32_t shift;
  int32_t negative_multiplier;
  int32_t negative_shift;
  int32_t low;
  int32_t high;
  int32_t size;
};

static void PREFIX_relu_int16(const struct PREFIX_relu_int16_layer *layer, const int16_t *input,
                              int16_t *output) {
  for (int32_t index = 0; index < layer->size; index++) {
    const int32_t value = input[index];
    const int32_t multiplier = value < 0 ? layer->negative_multiplier : layer->multiplier;
    const int32_t shift = value < 0 ? layer->negative_shift : layer->shift;
    const int32_t rescaled = PREFIX_rescale_twice(value, multiplier, shift);
    output[index] = (int16_t)PREFIX_clamp(rescaled, layer->low, layer->high);
  }
}
