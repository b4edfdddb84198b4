/* Copies bytes. */
struct PREFIX_copy_layer {
  int32_t size;
};

static void PREFIX_copy(const struct PREFIX_copy_layer *layer, const void *input, void *output) {
  for (int32_t index = 0; index < layer->size; index++) {
    ((int8_t *)output)[index] = ((const int8_t *)input)[index];
  }
}
