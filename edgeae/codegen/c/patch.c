/* The pixels under the filter of a convolution as one input; around the image is its zero point.
 * needs: moved
 */
struct PREFIX_patch_layer {
  int32_t in_height;
  int32_t in_width;
  int32_t depth;
  int32_t kernel_height;
  int32_t kernel_width;
  int32_t dilation_height;
  int32_t dilation_width;
  int32_t zero_point;
  int32_t offset; /* is added to each value */
};

/* Stores a row of taps of which the first lies at column x of a row of pixels, null outside. */
static uint8_t *PREFIX_patch_row(const struct PREFIX_patch_layer *layer, const int8_t *pixels,
                                 int32_t x, uint8_t *bytes) {
  const int32_t depth = layer->depth;
  const int32_t last = x + (layer->kernel_width - 1) * layer->dilation_width;
  if (pixels != 0 && layer->dilation_width == 1 && x >= 0 && last < layer->in_width) {
    return PREFIX_moved(pixels + x * depth, layer->kernel_width * depth, layer->offset, bytes);
  }
  for (; x <= last; x += layer->dilation_width) {
    if (pixels != 0 && x >= 0 && x < layer->in_width) {
      bytes = PREFIX_moved(pixels + x * depth, depth, layer->offset, bytes);
    } else {
      for (int32_t channel = 0; channel < depth; channel++) {
        *bytes++ = (uint8_t)(layer->zero_point + layer->offset);
      }
    }
  }
  return bytes;
}

/* Stores what is under the filter whose first tap lies at row y and column x. */
static void PREFIX_patch(const struct PREFIX_patch_layer *layer, const int8_t *input, int32_t y,
                         int32_t x, uint8_t *bytes) {
  const int32_t row = layer->in_width * layer->depth;
  for (int32_t tap = 0; tap < layer->kernel_height; tap++) {
    const int8_t *pixels = y >= 0 && y < layer->in_height ? input + y * row : 0;
    bytes = PREFIX_patch_row(layer, pixels, x, bytes);
    y += layer->dilation_height;
  }
}
