/* Where the taps of a convolution's kernel lie in the input; see conv_taps.c for the terms. */
struct PREFIX_window_layer {
  int32_t in_height;
  int32_t in_width;
  int32_t in_channels;
  int32_t depth;
  int32_t kernel_height;
  int32_t kernel_width;
  int32_t dilation_height;
  int32_t dilation_width;
  int32_t spread_height;
  int32_t spread_width;
  int32_t zero_point; /* of the input */
};

/* Returns the input pixel at a position along one axis, -1 if there is none. */
static int32_t PREFIX_pixel_at(int32_t position, int32_t pixels, int32_t spread) {
  if (position < 0 || (spread > 1 && position % spread != 0)) {
    return -1;
  }
  if (spread > 1) {
    position /= spread;
  }
  return position < pixels ? position : -1;
}
