/* Turns int8 into uint8, and back, whose zero points are 128 apart. */
struct PREFIX_flip_layer {
  int32_t size;
};

static void PREFIX_flip(const struct PREFIX_flip_layer *layer, const void *input, void *output) {
  for (int32_t index = 0; index < layer->size; index++) {
    ((uint8_t *)output)[index] = (uint8_t)(((const uint8_t *)input)[index] ^ 0x80);
  }
}
