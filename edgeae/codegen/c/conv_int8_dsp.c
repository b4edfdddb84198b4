/* CONV_2D of int8 in the layout dsp: a multiple of four input channels, no dilation, no groups.
 * needs: copy_four four dsp_rows
 * A row of taps is one run of the input. Taps outside the input are a run of `padding`, bytes of the
 * zero point; if that is null, the zero point is -128, which adds nothing, and their weights are
 * passed over. The taps of a pixel inside are copied first if that pays.
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
  int32_t copied; /* bytes of the taps of a pixel if they are copied to `scratch`, else 0 */
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

/* Returns whether the taps of a pixel inside are those that were copied last. */
static int32_t PREFIX_dsp_same(const struct PREFIX_conv_int8_dsp_layer *layer, const int8_t *input,
                               const int8_t *taps) {
  const int32_t size = layer->kernel_width * layer->in_channels;
  const int8_t *const end = taps + layer->copied;
  for (; taps != end; input += layer->in_width * layer->in_channels) {
    for (int32_t byte = 0; byte < size; byte += 4, taps += 4) {
      if (PREFIX_four(input + byte) != PREFIX_four(taps)) {
        return 0;
      }
    }
  }
  return 1;
}

/* Copies the taps of a pixel inside: 24 bytes at once, which is three taps of eight channels. */
static void PREFIX_dsp_copy(const struct PREFIX_conv_int8_dsp_layer *layer, const int8_t *input,
                            int8_t *taps) {
  const int32_t size = layer->kernel_width * layer->in_channels;
  const int8_t *const end = taps + layer->copied;
  while (taps != end) {
    const int8_t *from = input;
    int32_t left = size;
    for (; left >= 24; left -= 24, taps += 24, from += 24) {
      PREFIX_copy_four(taps, from);
      PREFIX_copy_four(taps + 4, from + 4);
      PREFIX_copy_four(taps + 8, from + 8);
      PREFIX_copy_four(taps + 12, from + 12);
      PREFIX_copy_four(taps + 16, from + 16);
      PREFIX_copy_four(taps + 20, from + 20);
    }
    for (; left > 0; left -= 4, taps += 4, from += 4) {
      PREFIX_copy_four(taps, from);
    }
    input += layer->in_width * layer->in_channels;
  }
}

static void PREFIX_conv_int8_dsp(const struct PREFIX_conv_int8_dsp_layer *layer, const int8_t *input,
                                 int8_t *output, void *scratch) {
  int8_t *const taps = (int8_t *)scratch;
  const int8_t *const table = layer->table ? layer->table + 128 : layer->table;
  const struct PREFIX_run_layer whole[2] = {{taps, taps + layer->copied, 0}, {taps, taps, 0}};
  struct PREFIX_run_layer runs[7 * 3 + 1];
  const int8_t *made = 0; /* the pixel of the taps that were copied last */
  int32_t late = layer->late;
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    int32_t top = -layer->pad_top;
    for (int32_t y = 0; y < layer->out_height; y++, top += layer->stride_height) {
      int32_t left = -layer->pad_left;
      for (int32_t x = 0; x < layer->out_width; x++, left += layer->stride_width) {
        const int32_t inside = layer->copied != 0 && top >= 0 && left >= 0 &&
                               top + layer->kernel_height <= layer->in_height &&
                               left + layer->kernel_width <= layer->in_width;
        const int8_t *const first = input + (top * layer->in_width + left) * layer->in_channels;
        const int8_t *pixel = late > 0 && !inside ? taps : output;
        if (inside && made && PREFIX_dsp_same(layer, first, taps)) {
          pixel = made;
        } else {
          if (inside) {
            PREFIX_dsp_copy(layer, first, taps);
            made = output;
          } else {
            PREFIX_dsp_taps(layer, input, top, left, runs);
          }
          PREFIX_dsp_rows(inside ? whole : runs, layer->weights,
                          pixel == output ? output : taps, layer->out_channels,
                          layer->constants, layer->step, table);
        }
        if (pixel == taps) {
          made = 0; /* the taps are overwritten */
        }
        for (int32_t channel = 0; pixel != output && channel < layer->out_channels; channel++) {
          output[channel] = *(const volatile int8_t *)(pixel + channel); /* no call of memcpy */
        }
        late--;
        output += layer->out_channels;
      }
    }
    input += layer->in_height * layer->in_width * layer->in_channels;
  }
}
