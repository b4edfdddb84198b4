/* Sums the compressed weights of one channel times the pixels that they meet, from y and x on.
 * needs: conv_window next_ENCODING value_TYPE
 */
static SUM_T PREFIX_conv_sum_ENCODING_TYPE(const struct PREFIX_window_layer *window,
                                           struct PREFIX_reader_layer *reader,
                                           const WEIGHT_T *values, const INPUT_T *input, int32_t y,
                                           int32_t x) {
  SUM_T sum = 0;
  reader->map = 1u; /* each channel begins a byte of the bitmap */
  for (int32_t tap_row = 0; tap_row < window->kernel_height; tap_row++) {
    const int32_t row = PREFIX_pixel_at(y + tap_row * window->dilation_height, window->in_height,
                                        window->spread_height);
    for (int32_t tap = 0; tap < window->kernel_width; tap++) {
      const int32_t column = PREFIX_pixel_at(x + tap * window->dilation_width, window->in_width,
                                             window->spread_width);
      const int32_t place = (row * window->in_width + column) * window->in_channels;
      for (int32_t channel = 0; channel < window->depth; channel++) {
        const int32_t index = PREFIX_next_ENCODING(reader);
        if (index >= 0 && row >= 0 && column >= 0) {
          sum += PREFIX_value_TYPE(values[index]) *
                 (input[place + channel] - (FACTOR_T)window->zero_point);
        }
      }
    }
  }
  return sum;
}
