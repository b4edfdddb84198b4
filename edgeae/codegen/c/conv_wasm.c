/* CONV_2D of int8 for WebAssembly: 16 channels at once, two roundings.
 * needs: patch sums_wasm rescale_twice clamp
 */
struct PREFIX_conv_wasm_layer {
  const int8_t *weights; /* channels in panels, see sums_wasm */
  const int32_t *bias;
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

static void PREFIX_conv_wasm(const struct PREFIX_conv_wasm_layer *layer, const int8_t *input,
                             int8_t *output, void *scratch) {
  const struct PREFIX_patch_layer patch = {
      layer->in_height,     layer->in_width,        layer->in_channels,
      layer->kernel_height, layer->kernel_width,    layer->dilation_height,
      layer->dilation_width, layer->in_zero_point, 0};
  const int32_t columns = layer->kernel_height * layer->kernel_width * layer->in_channels;
  const int32_t channels = layer->channels;
  int32_t *sums = (int32_t *)scratch;
  int8_t *values = (int8_t *)(sums + (channels + 15) / 16 * 16);
  for (int32_t column = columns; column < columns + 3; column++) {
    values[column] = 0;
  }
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    for (int32_t pixel = 0; pixel < layer->out_height * layer->out_width; pixel++) {
      const int32_t y = pixel / layer->out_width * layer->stride_height - layer->pad_top;
      const int32_t x = pixel % layer->out_width * layer->stride_width - layer->pad_left;
      PREFIX_patch(&patch, input, y, x, (uint8_t *)values);
      PREFIX_sums_wasm(layer->weights, layer->bias, channels, columns, values, sums);
      for (int32_t channel = 0; channel < channels; channel++) {
        const int32_t value = PREFIX_rescale_twice(sums[channel], layer->multipliers[channel],
                                                   layer->shifts[channel]);
        *output++ = (int8_t)PREFIX_clamp(value + layer->zero_point, layer->low, layer->high);
      }
    }
    input += layer->in_height * layer->in_width * layer->in_channels;
  }
}
