/* DEQUANTIZE of int8 or uint8. An int8 is read as a byte with its highest bit flipped. */
struct PREFIX_dequantize_8_layer {
  int32_t size;
  int32_t flip;
  int32_t zero_point; /* of the flipped byte */
  float scale;
};

static void PREFIX_dequantize_8(const struct PREFIX_dequantize_8_layer *layer, const void *input,
                                float *output) {
  for (int32_t index = 0; index < layer->size; index++) {
    const int32_t value = ((const uint8_t *)input)[index] ^ layer->flip;
    output[index] = layer->scale * (float)(value - layer->zero_point);
  }
}
