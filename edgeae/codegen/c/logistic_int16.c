/* LOGISTIC of int16: the table of the sigmoid, read between its values.
 * needs: sigmoid_steps
 */
struct PREFIX_logistic_int16_layer {
  const uint16_t *sigmoid;
  int32_t multiplier;
  int32_t shift;
  int32_t size;
};

static void PREFIX_logistic_int16(const struct PREFIX_logistic_int16_layer *layer, const int16_t *input,
                                  int16_t *output) {
  const int32_t half = layer->shift > 0 ? 1 << (layer->shift - 1) : 0;
  for (int32_t index = 0; index < layer->size; index++) {
    const int32_t step = (input[index] * layer->multiplier + half) >> layer->shift;
    const int32_t distance = step < 0 ? -step : step;
    int32_t value = 0x7FFF << 10;
    if (distance >> 9 < 255) {
      value = PREFIX_sigmoid_steps(layer->sigmoid, distance, 9);
    }
    value = step < 0 ? (1 << 25) - value + 511 : value + 512;
    output[index] = (int16_t)(value >> 10);
  }
}
