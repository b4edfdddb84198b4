/* CONV_2D, DEPTHWISE_CONV_2D and TRANSPOSE_CONV of float32 with compressed weights.
 * needs: conv_sum_ENCODING_TYPE clamp_float
 * The weights are read in order for each output pixel, those beside the input, too.
 */
struct PREFIX_conv_TYPE_ENCODING_layer {
  const uint8_t *bitmap;
  const uint8_t *stream;
  const WEIGHT_T *values; /* channels, rows, columns, input channels of a group */
  int32_t index_bits;
  const WEIGHT_T *bias;
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
  float low;
  float high;
};

static float *PREFIX_conv_pixel_TYPE_ENCODING(
    const struct PREFIX_conv_TYPE_ENCODING_layer *layer, const struct PREFIX_window_layer *window,
    const float *input, float *output, int32_t y, int32_t x) {
  struct PREFIX_reader_layer reader =
      PREFIX_weight_reader(layer->bitmap, layer->stream, layer->index_bits);
  int32_t channel = 0;
  for (int32_t group = 0; group < layer->groups; group++) {
    for (int32_t place = 0; place < layer->group_channels; place++) {
      const float sum =
          PREFIX_value_TYPE(layer->bias[channel]) +
          PREFIX_conv_sum_ENCODING_TYPE(window, &reader, layer->values, input, y, x);
      *output++ = PREFIX_clamp_float(sum, layer->low, layer->high);
      channel++;
    }
    input += layer->depth;
  }
  return output;
}

static void PREFIX_conv_TYPE_ENCODING(const struct PREFIX_conv_TYPE_ENCODING_layer *layer,
    const float *input, float *output) {
  const struct PREFIX_window_layer window = {
      layer->in_height,       layer->in_width,       layer->in_channels,
      layer->depth,           layer->kernel_height,  layer->kernel_width,
      layer->dilation_height, layer->dilation_width, layer->spread_height,
      layer->spread_width,    0};
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    for (int32_t y = 0; y < layer->out_height; y++) {
      for (int32_t x = 0; x < layer->out_width; x++) {
        output = PREFIX_conv_pixel_TYPE_ENCODING(
            layer, &window, input, output, y * layer->stride_height - layer->pad_top,
            x * layer->stride_width - layer->pad_left);
      }
    }
    input += layer->in_height * layer->in_width * layer->in_channels;
  }
}
