/* CONV_2D of int8 in the layout dsp with few input channels, as of an image: no dilation, no groups.
 * needs: copy_four
 * stack: 68 PREFIX_dsp_strip
 *
 * Eight channels are packed as in dsp_rows.c, with one more word before each four columns: twice the
 * place of their four bytes, counted from the pixel's first tap, and 1 more for the last ones. A row
 * of taps is filled up to a multiple of four bytes with weights of 0. Multiplier, rounding and shift
 * of each channel follow. Pixels at the edge are read from a copy of their taps, `edge` being the
 * weights with the places in that copy, whose rows are `pitch` bytes apart. A pixel whose bytes are all -128 is `background`, if that is
 * not null.
 */
struct PREFIX_conv_narrow_int8_dsp_layer {
  const uint32_t *weights;
  const uint32_t *edge;
  const uint32_t *background;
  int32_t out_channels;
  const int8_t *table; /* a function of the output, from -128 on; or null */
  int32_t next;        /* bytes from the first tap of a pixel to that of the next one */
  int32_t batches;
  int32_t in_height;
  int32_t in_width;
  int32_t in_channels;
  int32_t out_height;
  int32_t out_width;
  int32_t kernel_height;
  int32_t kernel_width;
  int32_t stride_height;
  int32_t stride_width;
  int32_t pad_top;
  int32_t pad_left;
  int32_t pitch;     /* of `edge` */
  int32_t inner;     /* the first pixel of a row whose columns lie inside */
  int32_t inner_end; /* the first one after these */
  int32_t zero_point;
};

#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && defined(__GNUC__) && \
    !defined(EDGEAE_PORTABLE)
#define PREFIX_PAIR(p, q)     \
  "ldrd r12, lr, [r1], #8\n"  \
  "smlad " p ", r12, r2, " p "\n" \
  "sxtb16 r12, r12\n"         \
  "smlad " q ", r12, r2, " q "\n" \
  "smlad " p ", lr, r3, " p "\n"  \
  "sxtb16 lr, lr\n"           \
  "smlad " q ", lr, r3, " q "\n"
#define PREFIX_RESCALE(r)      \
  "ldmia r1!, {r2, r3, lr}\n" \
  "smmla " r ", " r ", r2, r3\n" \
  "asr " r ", " r ", lr\n"     \
  "ssat " r ", #8, " r "\n"

/* Computes pixels that lie side by side. The stack has: channels that are left, table, background,
 * channels, output, pixels, weights, next; then r4-r11 and lr. r0 is the pixel, r1 the place in the
 * weights.
 */
__attribute__((naked, noinline, used)) static void PREFIX_dsp_strip(
    const struct PREFIX_conv_narrow_int8_dsp_layer *layer __attribute__((unused)),
    const int8_t *input __attribute__((unused)), int8_t *output __attribute__((unused)),
    int32_t pixels __attribute__((unused)), const uint32_t *weights __attribute__((unused))) {
  __asm__(
      ".syntax unified\n"
      "push {r4-r11, lr}\n"
      "sub sp, sp, #32\n"
      "ldr r6, [sp, #68]\n"
      "strd r2, r3, [sp, #16]\n"
      "ldrd r2, r3, [r0, #8]\n"
      "ldrd r4, r5, [r0, #16]\n"
      "strd r2, r3, [sp, #8]\n"
      "strd r6, r5, [sp, #24]\n"
      "cbz r4, 1f\n"
      "add r4, r4, #128\n"
      "1:\n"
      "str r4, [sp, #4]\n"
      "mov r0, r1\n"
      "1:\n" /* a pixel */
      "ldr r1, [sp, #24]\n"
      "ldrd r4, r5, [sp, #8]\n"
      "cbz r4, 4f\n"
      "add r3, r1, #32\n"
      "2:\n"
      "ldr r2, [r3], #36\n"
      "lsrs r2, r2, #1\n" /* the carry marks the last group of columns, up to the branch */
      "ldr r2, [r0, r2]\n"
      "teq r2, #0x80808080\n"
      "bne 4f\n"
      "bcc 2b\n"
      "ldrd r2, r12, [sp, #16]\n"
      "3:\n"
      "ldr r3, [r4], #4\n"
      "subs r5, r5, #4\n"
      "str r3, [r2], #4\n"
      "bgt 3b\n"
      "b 9f\n"
      "4:\n"
      "str r5, [sp]\n"
      "5:\n" /* eight channels */
      "ldmia r1!, {r4-r11}\n"
      "6:\n"
      "ldr r2, [r1], #4\n"
      "lsrs r2, r2, #1\n"
      "ldr r2, [r0, r2]\n"
      "eor r2, r2, #0x80808080\n"
      "uxtb16 r3, r2, ror #8\n"
      "uxtb16 r2, r2\n"
      PREFIX_PAIR("r4", "r5") PREFIX_PAIR("r6", "r7")
      PREFIX_PAIR("r8", "r9") PREFIX_PAIR("r10", "r11")
      "bcc 6b\n"
      "sub r4, r4, r5\n"
      "lsl r5, r5, #8\n"
      "sub r6, r6, r7\n"
      "lsl r7, r7, #8\n"
      "sub r8, r8, r9\n"
      "lsl r9, r9, #8\n"
      "sub r10, r10, r11\n"
      "lsl r11, r11, #8\n"
      PREFIX_RESCALE("r4") PREFIX_RESCALE("r5") PREFIX_RESCALE("r6") PREFIX_RESCALE("r7")
      PREFIX_RESCALE("r8") PREFIX_RESCALE("r9") PREFIX_RESCALE("r10") PREFIX_RESCALE("r11")
      "ldrd lr, r3, [sp]\n"
      "cbz r3, 7f\n"
      "ldrb r4, [r3, r4]\n"
      "ldrb r5, [r3, r5]\n"
      "ldrb r6, [r3, r6]\n"
      "ldrb r7, [r3, r7]\n"
      "ldrb r8, [r3, r8]\n"
      "ldrb r9, [r3, r9]\n"
      "ldrb r10, [r3, r10]\n"
      "ldrb r11, [r3, r11]\n"
      "7:\n"
      "ldrd r2, r12, [sp, #16]\n"
      "subs lr, lr, #8\n"
      "blo 8f\n"
      "strb r4, [r2], #1\n"
      "strb r5, [r2], #1\n"
      "strb r6, [r2], #1\n"
      "strb r7, [r2], #1\n"
      "strb r8, [r2], #1\n"
      "strb r9, [r2], #1\n"
      "strb r10, [r2], #1\n"
      "strb r11, [r2], #1\n"
      "beq 9f\n"
      "str r2, [sp, #16]\n"
      "str lr, [sp]\n"
      "b 5b\n"
      "8:\n" /* the last channels, fewer than eight */
      "strb r4, [r2], #1\n"
      "mov r4, r5\n"
      "mov r5, r6\n"
      "mov r6, r7\n"
      "mov r7, r8\n"
      "mov r8, r9\n"
      "mov r9, r10\n"
      "sub lr, lr, #1\n"
      "tst lr, #7\n"
      "bne 8b\n"
      "9:\n"
      "ldr r1, [sp, #28]\n"
      "subs r12, r12, #1\n"
      "add r0, r0, r1\n"
      "strd r2, r12, [sp, #16]\n"
      "bne 1b\n"
      "add sp, sp, #32\n"
      "pop {r4-r11, pc}\n");
}
#undef PREFIX_PAIR
#undef PREFIX_RESCALE
#else
/* The sums of eight channels, P and Q of each pair; returns the place behind the weights. */
static const uint32_t *PREFIX_dsp_strip_sums(uint32_t *sums, const uint32_t *weights,
                                             const int8_t *input) {
  uint32_t place = 0;
  for (int32_t row = 0; row < 8; row++) {
    sums[row] = *weights++;
  }
  for (; !(place & 1); weights += 8) {
    place = *weights++;
    for (int32_t column = 0; column < 4; column++) {
      const int32_t value = input[(place >> 1) + (uint32_t)column] + 128;
      for (int32_t pair = 0; pair < 8; pair += 2) {
        const int32_t both = (int16_t)(weights[pair + (column & 1)] >> 8 * (column & 2));
        sums[pair] += (uint32_t)(both * value);
        sums[pair + 1] += (uint32_t)((int8_t)(both & 0xFF) * value);
      }
    }
  }
  return weights;
}

static void PREFIX_dsp_strip(const struct PREFIX_conv_narrow_int8_dsp_layer *layer, const int8_t *input,
                             int8_t *output, int32_t pixels, const uint32_t *weights) {
  for (int32_t pixel = 0; pixel < pixels; pixel++, input += layer->next) {
    const uint32_t *place = weights;
    for (int32_t left = layer->out_channels; left > 0; left -= 8) {
      uint32_t sums[8];
      place = PREFIX_dsp_strip_sums(sums, place, input);
      for (int32_t row = 0; row < 8; row++, place += 3) {
        const uint32_t sum = row & 1 ? sums[row] << 8 : sums[row] - sums[row + 1];
        const int64_t product = (int64_t)(int32_t)sum * (int32_t)place[0];
        const int32_t value = ((int32_t)(product >> 32) + (int32_t)place[1]) >> place[2];
        const int32_t limited = value < -128 ? -128 : value > 127 ? 127 : value;
        if (row < left) {
          *output++ = layer->table ? layer->table[limited + 128] : (int8_t)limited;
        }
      }
    }
  }
}
#endif

/* Computes pixels at the edge, the first one's first tap at row y and column x. */
static void PREFIX_dsp_edge(const struct PREFIX_conv_narrow_int8_dsp_layer *layer, const int8_t *input,
                            int8_t *output, int32_t y, int32_t x, int32_t pixels, int8_t *taps) {
  const int32_t first = x * layer->in_channels, end = layer->in_width * layer->in_channels - first;
  const int32_t size =
      (pixels - 1) * layer->next + ((layer->kernel_width * layer->in_channels + 3) & ~3);
  for (int32_t row = y; row < y + layer->kernel_height; row++, taps += layer->pitch) {
    volatile int8_t *const byte = taps; /* volatile: no call of memcpy or memset */
    const int8_t *const from = input + row * layer->in_width * layer->in_channels + first;
    const int32_t inside = row >= 0 && row < layer->in_height;
    const int32_t stop = !inside ? 0 : end < size ? end : size;
    int32_t place = 0;
    for (; place < -first && place < stop; place++) {
      byte[place] = (int8_t)layer->zero_point;
    }
    for (; place + 4 <= stop; place += 4) {
      PREFIX_copy_four(taps + place, from + place);
    }
    for (; place < stop; place++) {
      byte[place] = from[place];
    }
    for (; place < size; place++) {
      byte[place] = (int8_t)layer->zero_point;
    }
  }
  taps -= layer->kernel_height * layer->pitch;
  PREFIX_dsp_strip(layer, taps, output, pixels, layer->edge);
}

static void PREFIX_conv_narrow_int8_dsp(const struct PREFIX_conv_narrow_int8_dsp_layer *layer,
                                        const int8_t *input, int8_t *output, void *scratch) {
  int8_t *const taps = (int8_t *)scratch;
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    int32_t top = -layer->pad_top;
    for (int32_t y = 0; y < layer->out_height; y++, top += layer->stride_height) {
      const int32_t inside = top >= 0 && top + layer->kernel_height <= layer->in_height;
      for (int32_t x = 0; x < layer->out_width;) {
        const int32_t left = x * layer->stride_width - layer->pad_left;
        const int32_t inner = inside && x == layer->inner && layer->inner_end > x;
        const int32_t next = inner                             ? layer->inner_end
                             : inside && x < layer->inner ? layer->inner
                                                               : layer->out_width;
        if (inner) {
          PREFIX_dsp_strip(layer, input + (top * layer->in_width + left) * layer->in_channels,
                           output, next - x, layer->weights);
        } else {
          PREFIX_dsp_edge(layer, input, output, top, left, next - x, taps);
        }
        output += (next - x) * layer->out_channels;
        x = next;
      }
    }
    input += layer->in_height * layer->in_width * layer->in_channels;
  }
}
