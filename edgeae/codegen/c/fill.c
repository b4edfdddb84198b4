/* Fills an array with one value of `size` bytes. */
struct PREFIX_fill_layer {
  int32_t count;
  int32_t size;
};

static void PREFIX_fill(const struct PREFIX_fill_layer *layer, const void *value, void *output) {
  int8_t *to = (int8_t *)output;
  for (int32_t index = 0; index < layer->count; index++) {
    for (int32_t byte = 0; byte < layer->size; byte++) {
      *to++ = ((const int8_t *)value)[byte];
    }
  }
}
