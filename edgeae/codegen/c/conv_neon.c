/* CONV_2D and TRANSPOSE_CONV of int8 on AArch64: 16 channels at once, two roundings.
 * needs: conv_phase patch sums_neon rescale_twice_neon
 */
struct PREFIX_conv_neon_layer {
  const int8_t *weights; /* channels in panels, see sums_neon; a phase after the other */
  const int32_t *bias;   /* of each phase */
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
static void PREFIX_conv_phase_neon(const struct PREFIX_conv_neon_layer *layer,
                                   struct PREFIX_phase_layer rows,
                                   struct PREFIX_phase_layer columns, const int8_t *input,
                                   int8_t *output, void *scratch) {
  const struct PREFIX_limits_layer limits = {layer->zero_point, layer->low, layer->high};
  const struct PREFIX_patch_layer patch = {
      layer->in_height, layer->in_width,        layer->in_channels,    rows.taps,
      columns.taps,     layer->dilation_height, layer->dilation_width, layer->in_zero_point,
      0};
  const int32_t channels = layer->channels;
  const int32_t size = rows.taps * columns.taps * layer->in_channels;
  int32_t *sums = (int32_t *)scratch;
  int8_t *values = (int8_t *)(sums + (channels + 15) / 16 * 16);
  for (int32_t column = size; column < size + 3; column++) {
    values[column] = 0;
  }
  int32_t top = rows.pixel;
  for (int32_t y = rows.output; y < layer->out_height; y += layer->spread_height) {
    int32_t left = columns.pixel;
    for (int32_t x = columns.output; x < layer->out_width; x += layer->spread_width) {
      int8_t *pixel = output + (y * layer->out_width + x) * channels;
      PREFIX_patch(&patch, input, top, left, (uint8_t *)values);
      PREFIX_sums_neon(layer->weights, layer->bias, channels, size, values, sums);
      PREFIX_rescale_twice_neon(sums, layer->multipliers, layer->shifts, channels, limits, pixel);
      left += layer->stride_width;
    }
    top += layer->stride_height;
  }
}

/* Computes one image, a phase after the other. */
static void PREFIX_conv_image_neon(struct PREFIX_conv_neon_layer layer, const int8_t *input,
                                   int8_t *output, void *scratch) {
  const int32_t channels = (layer.channels + 15) / 16 * 16;
  for (int32_t y = 0; y < layer.spread_height; y++) {
    const struct PREFIX_phase_layer rows =
        PREFIX_conv_phase(y, layer.kernel_height, layer.pad_top, layer.spread_height);
    for (int32_t x = 0; x < layer.spread_width; x++) {
      const struct PREFIX_phase_layer columns =
          PREFIX_conv_phase(x, layer.kernel_width, layer.pad_left, layer.spread_width);
      PREFIX_conv_phase_neon(&layer, rows, columns, input, output, scratch);
      layer.weights += (rows.taps * columns.taps * layer.in_channels + 3) / 4 * 4 * channels;
      layer.bias += channels;
    }
  }
}

static void PREFIX_conv_neon(const struct PREFIX_conv_neon_layer *layer, const int8_t *input,
                             int8_t *output, void *scratch) {
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    PREFIX_conv_image_neon(*layer, input, output, scratch);
    input += layer->in_height * layer->in_width * layer->in_channels;
    output += layer->out_height * layer->out_width * layer->channels;
  }
}
