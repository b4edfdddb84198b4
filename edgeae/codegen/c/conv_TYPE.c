/* CONV_2D, DEPTHWISE_CONV_2D and TRANSPOSE_CONV of float32 with float32 or float16 weights.
 * needs: conv_taps value_TYPE clamp_float
 * Output rows from y on alone: take y * stride_height from pad_top, and set out_height.
 */
struct PREFIX_conv_TYPE_layer {
  const WEIGHT_T *weights; /* channels, rows, columns, input channels of a group */
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
  int32_t run_step; /* above 0: a row of taps is one run, with inputs that far apart */
  float low;
  float high;
};

static float PREFIX_conv_sum_TYPE(const struct PREFIX_conv_TYPE_layer *layer, const WEIGHT_T *weights,
                                     const float *pixels, int32_t rows, int32_t columns) {
  const int32_t runs = layer->run_step > 0 ? 1 : columns;
  const int32_t length = layer->run_step > 0 ? columns * layer->depth : layer->depth;
  const int32_t step = layer->run_step > 0 ? layer->run_step : 1;
  float sums[4] = {0.0f, 0.0f, 0.0f, 0.0f}; /* four chains of additions */
  for (int32_t row = 0; row < rows; row++) {
    const WEIGHT_T *weight = weights;
    const float *pixel = pixels;
    for (int32_t run = 0; run < runs; run++) {
      int32_t index = 0;
      for (; index + 3 < length; index += 4) {
        for (int32_t part = 0; part < 4; part++) {
          sums[part] += PREFIX_value_TYPE(weight[index + part]) * pixel[(index + part) * step];
        }
      }
      for (; index < length; index++) {
        sums[0] += PREFIX_value_TYPE(weight[index]) * pixel[index * step];
      }
      weight += layer->spread_width * layer->depth;
      pixel += layer->dilation_width * layer->in_channels;
    }
    weights += layer->spread_height * layer->kernel_width * layer->depth;
    pixels += layer->dilation_height * layer->in_width * layer->in_channels;
  }
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

static float *PREFIX_conv_pixel_TYPE(const struct PREFIX_conv_TYPE_layer *layer, const float *input,
                                        float *output, struct PREFIX_taps_layer rows,
                                        struct PREFIX_taps_layer columns) {
  const float *pixels =
      input + (rows.pixel * layer->in_width + columns.pixel) * layer->in_channels;
  const WEIGHT_T *weights =
      layer->weights + (rows.tap * layer->kernel_width + columns.tap) * layer->depth;
  int32_t channel = 0;
  for (int32_t group = 0; group < layer->groups; group++) {
    for (int32_t place = 0; place < layer->group_channels; place++) {
      const float sum =
          PREFIX_value_TYPE(layer->bias[channel++]) +
          PREFIX_conv_sum_TYPE(layer, weights, pixels, rows.count, columns.count);
      *output++ = PREFIX_clamp_float(sum, layer->low, layer->high);
      weights += layer->kernel_height * layer->kernel_width * layer->depth;
    }
    pixels += layer->depth;
  }
  return output;
}

static void PREFIX_conv_TYPE(const struct PREFIX_conv_TYPE_layer *layer, const float *input,
                                float *output) {
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    for (int32_t y = 0; y < layer->out_height; y++) {
      const struct PREFIX_taps_layer rows =
          PREFIX_conv_taps(y * layer->stride_height - layer->pad_top, layer->in_height,
                           layer->kernel_height, layer->dilation_height, layer->spread_height);
      for (int32_t x = 0; x < layer->out_width; x++) {
        const struct PREFIX_taps_layer columns =
            PREFIX_conv_taps(x * layer->stride_width - layer->pad_left, layer->in_width,
                             layer->kernel_width, layer->dilation_width, layer->spread_width);
        output = PREFIX_conv_pixel_TYPE(layer, input, output, rows, columns);
      }
    }
    input += layer->in_height * layer->in_width * layer->in_channels;
  }
}
