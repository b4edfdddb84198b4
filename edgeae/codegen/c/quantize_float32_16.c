/* QUANTIZE of float32 to int16.
 * needs: quantized
 */
struct PREFIX_quantize_float32_16_layer {
  int32_t size;
  float scale;
  int32_t zero_point;
  int32_t low;
  int32_t high;
};

static void PREFIX_quantize_float32_16(const struct PREFIX_quantize_float32_16_layer *layer,
                                       const float *input, int16_t *output) {
  for (int32_t index = 0; index < layer->size; index++) {
    output[index] = (int16_t)PREFIX_quantized(
        input[index], layer->scale, layer->zero_point, layer->low, layer->high);
  }
}
