/* CONV_2D and TRANSPOSE_CONV of int8 on x86-64: 64, 32 or 16 channels at once, two roundings.
 * needs: conv_phase patch sums_x86 rescale_twice_x86
 */
struct PREFIX_conv_x86_layer {
  const int8_t *weights;      /* of one phase after the other, see sums_x86 */
  const int32_t *bias;        /* for inputs of 0 to 255, of each phase */
  const int32_t *signed_bias; /* for inputs of -128 to 127, of each phase */
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
  int32_t spread_height;
  int32_t spread_width;
  int32_t pad_top;
  int32_t pad_left;
  int32_t in_zero_point;
  int32_t zero_point;
  int32_t low;
  int32_t high;
};

/* Computes the outputs of two phases, of rows and of columns; their weights come first. */
static void PREFIX_conv_phase_x86(const struct PREFIX_conv_x86_layer *layer,
                                  struct PREFIX_phase_layer rows,
                                  struct PREFIX_phase_layer columns, const int8_t *input,
                                  int8_t *output, void *scratch) {
  const struct PREFIX_limits_layer limits = {layer->zero_point, layer->low, layer->high};
  const struct PREFIX_patch_layer patch = {
      layer->in_height, layer->in_width,        layer->in_channels,    rows.taps,
      columns.taps,     layer->dilation_height, layer->dilation_width, layer->in_zero_point,
      128};
  const int32_t channels = layer->channels;
  const int32_t size = rows.taps * columns.taps * layer->in_channels;
  int32_t *sums = (int32_t *)scratch;
  struct PREFIX_words_layer words =
      PREFIX_words_x86(size, (uint32_t *)scratch + (channels + 15) / 16 * 16);
  int32_t top = rows.pixel;
  for (int32_t y = rows.output; y < layer->out_height; y += layer->spread_height) {
    int32_t left = columns.pixel;
    for (int32_t x = columns.output; x < layer->out_width; x += layer->spread_width) {
      int8_t *pixel = output + (y * layer->out_width + x) * channels;
      PREFIX_patch(&patch, input, top, left, (uint8_t *)words.words);
      PREFIX_sums_x86(layer->weights, layer->bias, layer->signed_bias, channels, &words, sums);
      PREFIX_rescale_twice_x86(sums, layer->multipliers, layer->shifts, channels, limits, pixel);
      left += layer->stride_width;
    }
    top += layer->stride_height;
  }
}

/* Returns the bytes of the weights of a phase, in panels or row after row; see sums_x86. */
static int32_t PREFIX_conv_bytes_x86(int32_t channels, int32_t columns) {
  return channels <= 4 ? channels * ((columns + 63) / 64 * 64)
                       : (channels + 15) / 16 * 16 * ((columns + 3) / 4 * 4);
}

/* Computes one image, a phase after the other. */
static void PREFIX_conv_image_x86(struct PREFIX_conv_x86_layer layer, const int8_t *input,
                                  int8_t *output, void *scratch) {
  const int32_t channels = (layer.channels + 15) / 16 * 16;
  for (int32_t y = 0; y < layer.spread_height; y++) {
    const struct PREFIX_phase_layer rows =
        PREFIX_conv_phase(y, layer.kernel_height, layer.pad_top, layer.spread_height);
    for (int32_t x = 0; x < layer.spread_width; x++) {
      const struct PREFIX_phase_layer columns =
          PREFIX_conv_phase(x, layer.kernel_width, layer.pad_left, layer.spread_width);
      PREFIX_conv_phase_x86(&layer, rows, columns, input, output, scratch);
      layer.weights += PREFIX_conv_bytes_x86(layer.channels,
                                             rows.taps * columns.taps * layer.in_channels);
      layer.bias += channels;
      layer.signed_bias += channels;
    }
  }
}

static void PREFIX_conv_x86(const struct PREFIX_conv_x86_layer *layer, const int8_t *input,
                            int8_t *output, void *scratch) {
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    PREFIX_conv_image_x86(*layer, input, output, scratch);
    input += layer->in_height * layer->in_width * layer->in_channels;
    output += layer->out_height * layer->out_width * layer->channels;
  }
}
