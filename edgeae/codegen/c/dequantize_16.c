/* DEQUANTIZE of int16. */
struct PREFIX_dequantize_16_layer {
  int32_t size;
  int32_t zero_point;
  float scale;
};

static void PREFIX_dequantize_16(const struct PREFIX_dequantize_16_layer *layer, const int16_t *input,
                                 float *output) {
  for (int32_t index = 0; index < layer->size; index++) {
    output[index] = layer->scale * (float)(input[index] - layer->zero_point);
  }
}
