/* MAX_POOL_2D of float32: a window at the border counts only what lies in the input.
 * needs: inside
 */
struct PREFIX_max_pool_float32_layer {
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
  float low;
  float high;
};

static void PREFIX_max_pool_float32(const struct PREFIX_max_pool_float32_layer *layer,
                                    const float *input, float *output) {
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
        float largest = layer->low;
        for (int32_t row = first_row; row < last_row; row++) {
          const int32_t line = (batch * layer->height + row) * layer->width;
          for (int32_t index = first; index < last; index++) {
            const float value = input[(line + index) * layer->channels + channel];
            largest = value > largest ? value : largest;
          }
        }
        *output++ = largest > layer->high ? layer->high : largest;
      }
    }
  }
}
