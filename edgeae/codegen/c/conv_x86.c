/* CONV_2D of int8 on x86-64: 64 or 16 channels at once, two roundings.
 * needs: sums_x86 rescale_twice_x86
 * The pixels under the filter are one input at a time; around the image lies its zero point.
 */
struct PREFIX_conv_x86_layer {
  const int8_t *weights;      /* channels in panels, see sums_x86 */
  const int32_t *bias;        /* for inputs of 0 to 255 */
  const int32_t *signed_bias; /* for inputs of -128 to 127 */
  const int32_t *multipliers;
  const int32_t *shifts;
  int32_t batches;
  int32_t in_height;
  int32_t in_width;
  int32_t in_channels;
  int32_t out_height;
  int32_t out_width;
  int32_t channels;
  int32_t kernel_height;
  int32_t kernel_width;
  int32_t stride_height;
  int32_t stride_width;
  int32_t dilation_height;
  int32_t dilation_width;
  int32_t pad_top;
  int32_t pad_left;
  int32_t in_zero_point;
  int32_t zero_point;
  int32_t low;
  int32_t high;
};

/* Stores a row of taps of which the first lies at column x of a row of pixels, null outside. */
static uint8_t *PREFIX_conv_row_x86(const struct PREFIX_conv_x86_layer *layer, const int8_t *pixels,
                                    int32_t x, uint8_t *bytes) {
  const int32_t depth = layer->in_channels;
  const int32_t last = x + (layer->kernel_width - 1) * layer->dilation_width;
  if (pixels != 0 && layer->dilation_width == 1 && x >= 0 && last < layer->in_width) {
    return PREFIX_stored_x86(pixels + x * depth, layer->kernel_width * depth, bytes);
  }
  for (; x <= last; x += layer->dilation_width) {
    if (pixels != 0 && x >= 0 && x < layer->in_width) {
      bytes = PREFIX_stored_x86(pixels + x * depth, depth, bytes);
    } else {
      for (int32_t channel = 0; channel < depth; channel++) {
        *bytes++ = (uint8_t)(layer->in_zero_point + 128);
      }
    }
  }
  return bytes;
}

static void PREFIX_conv_patch_x86(const struct PREFIX_conv_x86_layer *layer, const int8_t *input,
                                  int32_t y, int32_t x, uint8_t *bytes) {
  const int32_t row = layer->in_width * layer->in_channels;
  for (int32_t tap = 0; tap < layer->kernel_height; tap++) {
    const int8_t *pixels = y >= 0 && y < layer->in_height ? input + y * row : 0;
    bytes = PREFIX_conv_row_x86(layer, pixels, x, bytes);
    y += layer->dilation_height;
  }
}

static void PREFIX_conv_x86(const struct PREFIX_conv_x86_layer *layer, const int8_t *input,
                            int8_t *output, void *scratch) {
  const struct PREFIX_limits_layer limits = {layer->zero_point, layer->low, layer->high};
  const int32_t columns = layer->kernel_height * layer->kernel_width * layer->in_channels;
  const int32_t channels = layer->channels;
  int32_t *sums = (int32_t *)scratch;
  struct PREFIX_words_layer words =
      PREFIX_words_x86(columns, (uint32_t *)scratch + (channels + 15) / 16 * 16);
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    for (int32_t pixel = 0; pixel < layer->out_height * layer->out_width; pixel++) {
      const int32_t y = pixel / layer->out_width * layer->stride_height - layer->pad_top;
      const int32_t x = pixel % layer->out_width * layer->stride_width - layer->pad_left;
      PREFIX_conv_patch_x86(layer, input, y, x, (uint8_t *)words.words);
      PREFIX_list_x86(&words);
      PREFIX_sums_x86(layer->weights, layer->bias, layer->signed_bias, channels, &words, sums);
      PREFIX_rescale_twice_x86(sums, layer->multipliers, layer->shifts, channels, limits, output);
      output += channels;
    }
    input += layer->in_height * layer->in_width * layer->in_channels;
  }
}
