/* HARD_SWISH of float32. */
struct PREFIX_hard_swish_float32_layer {
  int32_t size;
};

static void PREFIX_hard_swish_float32(const struct PREFIX_hard_swish_float32_layer *layer,
                                      const float *input, float *output) {
  for (int32_t index = 0; index < layer->size; index++) {
    const float shifted = input[index] + 3.0f;
    const float limited = shifted < 0.0f ? 0.0f : shifted > 6.0f ? 6.0f : shifted;
    output[index] = input[index] * limited / 6.0f;
  }
}
