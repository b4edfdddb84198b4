/* PRELU of float32: negative values are multiplied by alpha, which is repeated. */
struct PREFIX_prelu_float32_layer {
  const float *alpha;
  int32_t alphas;
  int32_t size;
};

static void PREFIX_prelu_float32(const struct PREFIX_prelu_float32_layer *layer, const float *input,
                                 float *output) {
  for (int32_t first = 0; first < layer->size; first += layer->alphas) {
    for (int32_t index = 0; index < layer->alphas; index++) {
      const float value = input[first + index];
      output[first + index] = value >= 0.0f ? value : value * layer->alpha[index];
    }
  }
}
