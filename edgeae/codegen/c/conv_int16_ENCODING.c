/* CONV_2D, DEPTHWISE_CONV_2D and TRANSPOSE_CONV of int16 with compressed weights.
 * needs: conv_sum_ENCODING_int16 rescale_twice rescale_wide clamp
 * The weights are read in order for each output pixel, those beside the input, too.
 */
struct PREFIX_conv_int16_ENCODING_layer {
  const uint8_t *bitmap;
  const uint8_t *stream;
  const int8_t *values; /* channels, rows, columns, input channels of a group */
  int32_t index_bits;
  const int64_t *bias;
  const int32_t *multipliers;
  const int8_t *shifts;
  int32_t batches;
  int32_t in_height;
  int32_t in_width;
  int32_t in_channels;
  int32_t out_height;
  int32_t out_width;
  int32_t groups;
  int32_t group_channels; /* output channels of a group */
  int32_t depth;          /* input channels of a group */
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
  int32_t channel_step; /* 1: a multiplier per channel; 0: one for all */
  int32_t twice;        /* 1: two roundings; 0: one */
  int32_t low;
  int32_t high;
};

static int16_t *PREFIX_conv_pixel_int16_ENCODING(
    const struct PREFIX_conv_int16_ENCODING_layer *layer, const struct PREFIX_window_layer *window,
    const int16_t *input, int16_t *output, int32_t y, int32_t x) {
  struct PREFIX_reader_layer reader =
      PREFIX_weight_reader(layer->bitmap, layer->stream, layer->index_bits);
  int32_t channel = 0;
  for (int32_t group = 0; group < layer->groups; group++) {
    for (int32_t place = 0; place < layer->group_channels; place++) {
      const int32_t scale = channel * layer->channel_step;
      const int32_t multiplier = layer->multipliers[scale];
      const int32_t shift = layer->shifts[scale];
      const int64_t sum =
          layer->bias[channel] +
          PREFIX_conv_sum_ENCODING_int16(window, &reader, layer->values, input, y, x);
      const int32_t value = layer->twice != 0
                                ? PREFIX_rescale_twice((int32_t)sum, multiplier, shift)
                                : PREFIX_rescale_wide(sum, multiplier, shift);
      *output++ = (int16_t)PREFIX_clamp(value, layer->low, layer->high);
      channel++;
    }
    input += layer->depth;
  }
  return output;
}

static void PREFIX_conv_int16_ENCODING(const struct PREFIX_conv_int16_ENCODING_layer *layer,
    const int16_t *input, int16_t *output) {
  const struct PREFIX_window_layer window = {
      layer->in_height,       layer->in_width,       layer->in_channels,
      layer->depth,           layer->kernel_height,  layer->kernel_width,
      layer->dilation_height, layer->dilation_width, layer->spread_height,
      layer->spread_width,    0};
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    for (int32_t y = 0; y < layer->out_height; y++) {
      for (int32_t x = 0; x < layer->out_width; x++) {
        output = PREFIX_conv_pixel_int16_ENCODING(
            layer, &window, input, output, y * layer->stride_height - layer->pad_top,
            x * layer->stride_width - layer->pad_left);
      }
    }
    input += layer->in_height * layer->in_width * layer->in_channels;
  }
}
