/* CONV_2D, DEPTHWISE_CONV_2D and TRANSPOSE_CONV of int16 with int8 weights.
 * needs: conv_taps rescale_twice rescale_wide clamp
 * Biases of 64 bits come with one rounding by a 15-bit multiplier, those of 32 bits with two
 * roundings of the lowest 32 bits of the sum.
 * Output rows from y on alone: take y * stride_height from pad_top, and set out_height.
 */
struct PREFIX_conv_int16_layer {
  const int8_t *weights; /* channels, rows, columns, input channels of a group */
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
  int32_t run_step;     /* above 0: a row of taps is one run, with inputs that far apart */
  int32_t channel_step; /* 1: a multiplier per channel; 0: one for all */
  int32_t twice;        /* 1: two roundings; 0: one */
  int32_t low;
  int32_t high;
};

static int64_t PREFIX_conv_sum_int16(const struct PREFIX_conv_int16_layer *layer, const int8_t *weights,
                                     const int16_t *pixels, int32_t rows, int32_t columns) {
  const int32_t runs = layer->run_step > 0 ? 1 : columns;
  const int32_t length = layer->run_step > 0 ? columns * layer->depth : layer->depth;
  const int32_t step = layer->run_step > 0 ? layer->run_step : 1;
  int64_t sum = 0;
  for (int32_t row = 0; row < rows; row++) {
    const int8_t *weight = weights;
    const int16_t *pixel = pixels;
    for (int32_t run = 0; run < runs; run++) {
      for (int32_t index = 0; index < length; index++) {
        sum += weight[index] * pixel[index * step];
      }
      weight += layer->spread_width * layer->depth;
      pixel += layer->dilation_width * layer->in_channels;
    }
    weights += layer->spread_height * layer->kernel_width * layer->depth;
    pixels += layer->dilation_height * layer->in_width * layer->in_channels;
  }
  return sum;
}

static int16_t *PREFIX_conv_pixel_int16(const struct PREFIX_conv_int16_layer *layer, const int16_t *input,
                                        int16_t *output, struct PREFIX_taps_layer rows,
                                        struct PREFIX_taps_layer columns) {
  const int16_t *pixels =
      input + (rows.pixel * layer->in_width + columns.pixel) * layer->in_channels;
  const int8_t *weights =
      layer->weights + (rows.tap * layer->kernel_width + columns.tap) * layer->depth;
  int32_t channel = 0;
  for (int32_t group = 0; group < layer->groups; group++) {
    for (int32_t place = 0; place < layer->group_channels; place++) {
      const int32_t scale = channel * layer->channel_step;
      const int32_t multiplier = layer->multipliers[scale];
      const int32_t shift = layer->shifts[scale];
      const int64_t sum =
          layer->bias[channel++] +
          PREFIX_conv_sum_int16(layer, weights, pixels, rows.count, columns.count);
      const int32_t value = layer->twice != 0
                                ? PREFIX_rescale_twice((int32_t)sum, multiplier, shift)
                                : PREFIX_rescale_wide(sum, multiplier, shift);
      *output++ = (int16_t)PREFIX_clamp(value, layer->low, layer->high);
      weights += layer->kernel_height * layer->kernel_width * layer->depth;
    }
    pixels += layer->depth;
  }
  return output;
}

static void PREFIX_conv_int16(const struct PREFIX_conv_int16_layer *layer, const int16_t *input,
                              int16_t *output) {
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    for (int32_t y = 0; y < layer->out_height; y++) {
      const struct PREFIX_taps_layer rows =
          PREFIX_conv_taps(y * layer->stride_height - layer->pad_top, layer->in_height,
                           layer->kernel_height, layer->dilation_height, layer->spread_height);
      for (int32_t x = 0; x < layer->out_width; x++) {
        const struct PREFIX_taps_layer columns =
            PREFIX_conv_taps(x * layer->stride_width - layer->pad_left, layer->in_width,
                             layer->kernel_width, layer->dilation_width, layer->spread_width);
        output = PREFIX_conv_pixel_int16(layer, input, output, rows, columns);
      }
    }
    input += layer->in_height * layer->in_width * layer->in_channels;
  }
}
