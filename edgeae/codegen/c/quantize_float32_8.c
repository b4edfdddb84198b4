/* QUANTIZE of float32 to int8 or uint8.
 * needs: quantized
 */
struct PREFIX_quantize_float32_8_layer {
  int32_t size;
  float scale;
  int32_t zero_point;
  int32_t low;
  int32_t high;
};

static void PREFIX_quantize_float32_8(const struct PREFIX_quantize_float32_8_layer *layer,
                                      const float *input, void *output) {
  for (int32_t index = 0; index < layer->size; index++) {
    ((int8_t *)output)[index] = (int8_t)PREFIX_quantized(
        input[index], layer->scale, layer->zero_point, layer->low, layer->high);
  }
}
