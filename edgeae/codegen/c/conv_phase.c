/* The taps that meet input pixels, for every spread-th output along one axis.
 *
 * Input pixels lie a spread apart, which is above 1 in transposed convolutions only. So every
 * spread-th output has the same taps on pixels, and these outputs, a phase, are a convolution of
 * their own, of a kernel of these taps; there may be none. Without a spread, one phase is all.
 */
struct PREFIX_phase_layer {
  int32_t output; /* the first one */
  int32_t pixel;  /* under the first tap of the first output */
  int32_t taps;
};

static struct PREFIX_phase_layer PREFIX_conv_phase(int32_t output, int32_t taps, int32_t pad,
                                                   int32_t spread) {
  const int32_t skipped = (pad - output + spread) % spread;
  const struct PREFIX_phase_layer phase = {output, (output - pad + skipped) / spread,
                                           (taps - skipped + spread - 1) / spread};
  return phase;
}
