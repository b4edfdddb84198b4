/* AVERAGE_POOL_2D of int16: a window at the border counts only what lies in the input.
 * needs: inside clamp
 */
struct PREFIX_average_pool_int16_layer {
  int32_t batches;
  int32_t height;
  int32_t width;
  int32_t channels;
  int32_t output_height;
  int32_t output_width;
  int32_t filter_height;
  int32_t filter_width;
  int32_t stride_height;
  int32_t stride_width;
  int32_t top;
  int32_t left;
  int32_t low;
  int32_t high;
};

static void PREFIX_average_pool_int16(const struct PREFIX_average_pool_int16_layer *layer,
                                      const int16_t *input, int16_t *output) {
  for (int32_t place = 0; place < layer->batches * layer->output_height; place++) {
    const int32_t batch = place / layer->output_height;
    const int32_t y = place % layer->output_height * layer->stride_height - layer->top;
    const int32_t first_row = PREFIX_inside(y, layer->height);
    const int32_t last_row = PREFIX_inside(y + layer->filter_height, layer->height);
    for (int32_t column = 0; column < layer->output_width; column++) {
      const int32_t x = column * layer->stride_width - layer->left;
      const int32_t first = PREFIX_inside(x, layer->width);
      const int32_t last = PREFIX_inside(x + layer->filter_width, layer->width);
      for (int32_t channel = 0; channel < layer->channels; channel++) {
        int32_t sum = 0;
        for (int32_t row = first_row; row < last_row; row++) {
          const int32_t line = (batch * layer->height + row) * layer->width;
          for (int32_t index = first; index < last; index++) {
            sum += input[(line + index) * layer->channels + channel];
          }
        }
        const int32_t count = (last_row - first_row) * (last - first);
        const int32_t mean = (sum + (sum > 0 ? count / 2 : -(count / 2))) / count;
        *output++ = (int16_t)PREFIX_clamp(mean, layer->low, layer->high);
      }
    }
  }
}
