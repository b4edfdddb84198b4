/* Limits float32 values to low ... high. */
struct PREFIX_limit_float32_layer {
  float low;
  float high;
  int32_t size;
};

static void PREFIX_limit_float32(const struct PREFIX_limit_float32_layer *layer, const float *input,
                                 float *output) {
  for (int32_t index = 0; index < layer->size; index++) {
    const float value = input[index];
    output[index] = value < layer->low ? layer->low : value > layer->high ? layer->high : value;
  }
}
