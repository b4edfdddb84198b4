/* SOFTMAX of float32 over the last dimension. */
#include <math.h>

struct PREFIX_softmax_float32_layer {
  float beta;
  int32_t rows;
  int32_t depth;
};

static void PREFIX_softmax_float32(const struct PREFIX_softmax_float32_layer *layer, const float *input,
                                   float *output) {
  for (int32_t row = 0; row < layer->rows; row++) {
    float largest = input[0];
    for (int32_t index = 1; index < layer->depth; index++) {
      largest = input[index] > largest ? input[index] : largest;
    }
    float sum = 0.0f;
    for (int32_t index = 0; index < layer->depth; index++) {
      output[index] = expf((input[index] - largest) * layer->beta);
      sum += output[index];
    }
    for (int32_t index = 0; index < layer->depth; index++) {
      output[index] /= sum;
    }
    input += layer->depth;
    output += layer->depth;
  }
}
