/* The taps of a kernel that meet input pixels, along one axis.
 *
 * Tap 0 lies at `position`, each next one `dilation` further, and input pixel n at n * spread;
 * the spread is above 1 in transposed convolutions only, whose dilation is 1. So the taps that meet
 * pixels lie `spread` apart, and the pixels that they meet lie `dilation` apart.
 */
struct PREFIX_taps_layer {
  int32_t tap;   /* the first one */
  int32_t pixel; /* the pixel that it meets */
  int32_t count;
};

static struct PREFIX_taps_layer PREFIX_conv_taps(int32_t position, int32_t pixels, int32_t taps,
                                                int32_t dilation, int32_t spread) {
  struct PREFIX_taps_layer met = {0, 0, 0};
  int32_t tap = 0;
  int32_t pixel;
  while (tap < taps && (position < 0 || (spread > 1 && position % spread != 0))) {
    position += dilation;
    tap++;
  }
  pixel = spread > 1 ? position / spread : position;
  if (tap < taps && pixel < pixels) {
    met.tap = tap;
    met.pixel = pixel;
  }
  for (; tap < taps && pixel < pixels; tap += spread) {
    pixel += dilation;
    met.count++;
  }
  return met;
}
