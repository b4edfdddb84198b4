/* CONV_2D of int8 in the layout dsp: a multiple of four input channels, no dilation, no groups.
 * needs: dsp_rows
 * A row of taps is one run of the input. Taps outside the input are a run of `padding`, bytes of the
 * zero point; if that is null, the zero point is -128, which adds nothing, and their weights are
 * passed over.
 */
struct PREFIX_conv_int8_dsp_layer {
  const uint32_t *weights;
  const int32_t *constants; /* multiplier, rounding and shift of each row */
  const int8_t *table;      /* a function of the output, from -128 on; or null */
  const int8_t *padding;    /* as many bytes as a row of taps */
  int32_t step; /* bytes from the constants of eight rows to the next: 0, or -96 */
  int32_t batches;
  int32_t in_height;
  int32_t in_width;
  int32_t in_channels;
  int32_t out_height;
  int32_t out_width;
  int32_t out_channels;
  int32_t kernel_height; /* up to 7 */
  int32_t kernel_width;
  int32_t stride_height;
  int32_t stride_width;
  int32_t pad_top;
  int32_t pad_left;
  int32_t late; /* first pixels that go through `scratch`: they may overwrite what they are of */
};

/* Adds a run of bytes outside the input; returns the bytes of weights that the next run passes. */
static uint32_t PREFIX_dsp_outside(struct PREFIX_run_layer **run, const int8_t *padding, int32_t size,
                                   uint32_t skip) {
  if (size == 0 || !padding) {
    return skip + (uint32_t)size * 8;
  }
  (*run)->start = padding;
  (*run)->end = padding + size;
  (*run)->skip = skip;
  ++*run;
  return 0;
}

/* Lists the runs of the pixel whose first tap lies at row y and column x of the input. */
static void PREFIX_dsp_taps(const struct PREFIX_conv_int8_dsp_layer *layer, const int8_t *input,
                            int32_t y, int32_t x, struct PREFIX_run_layer *run) {
  const int32_t channels = layer->in_channels, width = layer->kernel_width;
  const int32_t over = x + width - layer->in_width;
  const int32_t left = x < 0 ? -x : 0, right = over > 0 ? over : 0;
  uint32_t skip = 0;
  for (int32_t row = y; row < y + layer->kernel_height; row++) {
    if (row < 0 || row >= layer->in_height || left + right >= width) {
      skip = PREFIX_dsp_outside(&run, layer->padding, width * channels, skip);
      continue;
    }
    skip = PREFIX_dsp_outside(&run, layer->padding, left * channels, skip);
    run->start = input + (row * layer->in_width + x + left) * channels;
    run->end = run->start + (width - left - right) * channels;
    run->skip = skip;
    run++;
    skip = PREFIX_dsp_outside(&run, layer->padding, right * channels, 0);
  }
  run->start = run->end = input;
  run->skip = skip;
}

static void PREFIX_conv_int8_dsp(const struct PREFIX_conv_int8_dsp_layer *layer, const int8_t *input,
                                 int8_t *output, void *scratch) {
  const int8_t *const table = layer->table ? layer->table + 128 : layer->table;
  struct PREFIX_run_layer runs[7 * 3 + 1];
  int32_t late = layer->late;
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    for (int32_t y = 0; y < layer->out_height; y++) {
      for (int32_t x = 0; x < layer->out_width; x++) {
        volatile int8_t *byte = (int8_t *)scratch; /* volatile: no call of memcpy */
        int8_t *const pixel = late > 0 ? (int8_t *)scratch : output;
        PREFIX_dsp_taps(layer, input, y * layer->stride_height - layer->pad_top,
                        x * layer->stride_width - layer->pad_left, runs);
        PREFIX_dsp_rows(runs, layer->weights, pixel, layer->out_channels, layer->constants,
                        layer->step, table);
        for (int32_t channel = 0; late > 0 && channel < layer->out_channels; channel++) {
          output[channel] = *byte++;
        }
        late--;
        output += layer->out_channels;
      }
    }
    input += layer->in_height * layer->in_width * layer->in_channels;
  }
}
