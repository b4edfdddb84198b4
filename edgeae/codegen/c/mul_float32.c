/* MUL of float32.
 * needs: seek
 */
struct PREFIX_mul_float32_layer {
  const int32_t *axes; /* extent, stride of the first operand, stride of the second one */
  int32_t outer;
  int32_t rows;
  int32_t count;
  int32_t first_step;
  int32_t second_step;
  float low;
  float high;
};

static void PREFIX_mul_float32(const struct PREFIX_mul_float32_layer *layer,
                               const float *first, const float *second, float *output) {
  for (int32_t row = 0; row < layer->rows; row++) {
    int32_t a = 0, b = 0;
    PREFIX_seek(layer->axes, layer->outer, row, &a, &b);
    for (int32_t index = 0; index < layer->count; index++) {
      const float product = first[a] * second[b];
      *output++ = product < layer->low    ? layer->low
                  : product > layer->high ? layer->high
                                          : product;
      a += layer->first_step;
      b += layer->second_step;
    }
  }
}
