/* LEAKY_RELU of float32. */
struct PREFIX_leaky_relu_float32_layer {
  float alpha;
  int32_t size;
};

static void PREFIX_leaky_relu_float32(const struct PREFIX_leaky_relu_float32_layer *layer,
                                      const float *input, float *output) {
  for (int32_t index = 0; index < layer->size; index++) {
    output[index] = input[index] > 0.0f ? input[index] : input[index] * layer->alpha;
  }
}
