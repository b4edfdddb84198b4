/* ADD and SUB of float32.
 * needs: seek
 */
struct PREFIX_add_float32_layer {
  const int32_t *axes; /* extent, stride of the first operand, stride of the second one */
  int32_t outer;
  int32_t rows;
  int32_t count;
  int32_t first_step;
  int32_t second_step;
  float sign; /* 1: sum; -1: difference */
  float low;
  float high;
};

static void PREFIX_add_float32(const struct PREFIX_add_float32_layer *layer,
                               const float *first, const float *second, float *output) {
  for (int32_t row = 0; row < layer->rows; row++) {
    int32_t a = 0, b = 0;
    PREFIX_seek(layer->axes, layer->outer, row, &a, &b);
    for (int32_t index = 0; index < layer->count; index++) {
      const float sum = first[a] + layer->sign * second[b];
      *output++ = sum < layer->low ? layer->low : sum > layer->high ? layer->high : sum;
      a += layer->first_step;
      b += layer->second_step;
    }
  }
}
