/* ELU of float32. */
#include <math.h>

struct PREFIX_elu_float32_layer {
  int32_t size;
};

static void PREFIX_elu_float32(const struct PREFIX_elu_float32_layer *layer, const float *input,
                               float *output) {
  for (int32_t index = 0; index < layer->size; index++) {
    output[index] = input[index] < 0.0f ? expf(input[index]) - 1.0f : input[index];
  }
}
