/* TANH of float32. */
#include <math.h>

struct PREFIX_tanh_float32_layer {
  int32_t size;
};

static void PREFIX_tanh_float32(const struct PREFIX_tanh_float32_layer *layer, const float *input,
                                float *output) {
  for (int32_t index = 0; index < layer->size; index++) {
    output[index] = tanhf(input[index]);
  }
}
