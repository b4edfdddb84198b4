/* CONV_2D of int8 in the layout dsp with few input channels, as of an image: no dilation, no groups.
 * stack: 72 PREFIX_dsp_strip
 *
 * Eight channels are packed as in dsp_rows.c, with one more word before each four columns: the place
 * of their four bytes, counted from the pixel's first tap. A row of taps is filled up to a multiple
 * of four bytes with weights of 0. Pixels at the edge are read from a copy of their taps, `edge`
 * being the weights with the places in that copy. A pixel whose bytes are all -128 is `background`,
 * if that is not null.
 */
struct PREFIX_conv_narrow_int8_dsp {
  const uint32_t *weights;
  const uint32_t *edge;
  const int32_t *constants; /* multiplier, rounding and shift of each channel */
  const int8_t *table;      /* a function of the output, from -128 on; or null */
  const uint32_t *background;
  int32_t out_channels;
  int32_t words; /* groups of four columns */
  int32_t next;  /* bytes from the first tap of a pixel to that of the next one */
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
  "ldmia r12!, {r2, r3, lr}\n" \
  "smmla " r ", " r ", r2, r3\n" \
  "asr " r ", " r ", lr\n"     \
  "ssat " r ", #8, " r "\n"

/* Computes pixels that lie side by side. The stack has: end of the weights of eight channels,
 * a word, the input, layer, output, pixels, weights, constants, channels that are left; then r4-r11
 * and lr. r0 is the pixel, r1 the place in the weights.
 */
__attribute__((naked, noinline, used)) static void PREFIX_dsp_strip(
    const struct PREFIX_conv_narrow_int8_dsp *layer __attribute__((unused)),
    const int8_t *input __attribute__((unused)), int8_t *output __attribute__((unused)),
    int32_t pixels __attribute__((unused)), const uint32_t *weights __attribute__((unused))) {
  __asm__(
      ".syntax unified\n"
      "push {r4-r11, lr}\n"
      "sub sp, sp, #36\n"
      "ldr r12, [sp, #72]\n"
      "str r12, [sp, #24]\n"
      "strd r1, r0, [sp, #8]\n"
      "strd r2, r3, [sp, #16]\n"
      "mov r12, r0\n"
      "mov r0, r1\n"
      "1:\n" /* a pixel: r0 its first tap, r12 the layer */
      "ldr r1, [sp, #24]\n"
      "ldrd r4, r5, [r12, #16]\n" /* background, channels */
      "ldr r6, [r12, #24]\n"
      "ldr r7, [r12, #8]\n"
      "cbz r4, 4f\n"
      "add r3, r1, #32\n"
      "2:\n"
      "ldr r2, [r3], #36\n"
      "ldr r2, [r0, r2]\n"
      "cmp r2, #0x80808080\n"
      "bne 4f\n"
      "subs r6, r6, #1\n"
      "bne 2b\n"
      "ldr r2, [sp, #16]\n"
      "3:\n"
      "ldr r3, [r4], #4\n"
      "str r3, [r2], #4\n"
      "subs r5, r5, #4\n"
      "bgt 3b\n"
      "b 9f\n"
      "4:\n"
      "strd r7, r5, [sp, #28]\n"
      "5:\n" /* eight channels */
      "ldmia r1!, {r4-r11}\n"
      "ldr r12, [sp, #12]\n"
      "ldr r12, [r12, #24]\n"
      "add r12, r12, r12, lsl #3\n"
      "add r12, r1, r12, lsl #2\n"
      "str r12, [sp]\n"
      "6:\n"
      "ldr r2, [r1], #4\n"
      "ldr r2, [r0, r2]\n"
      "eor r2, r2, #0x80808080\n"
      "uxtb16 r3, r2, ror #8\n"
      "uxtb16 r2, r2\n"
      PREFIX_PAIR("r4", "r5") PREFIX_PAIR("r6", "r7")
      PREFIX_PAIR("r8", "r9") PREFIX_PAIR("r10", "r11")
      "ldr r12, [sp]\n"
      "cmp r1, r12\n"
      "bne 6b\n"
      "ldr r12, [sp, #28]\n"
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
      "str r12, [sp, #28]\n"
      "ldr r12, [sp, #12]\n"
      "ldr r3, [r12, #12]\n"
      "cbz r3, 7f\n"
      "add r3, r3, #128\n"
      "ldrb r4, [r3, r4]\n"
      "ldrb r5, [r3, r5]\n"
      "ldrb r6, [r3, r6]\n"
      "ldrb r7, [r3, r7]\n"
      "ldrb r8, [r3, r8]\n"
      "ldrb r9, [r3, r9]\n"
      "ldrb r10, [r3, r10]\n"
      "ldrb r11, [r3, r11]\n"
      "7:\n"
      "ldr r2, [sp, #16]\n"
      "ldr r3, [sp, #32]\n"
      "cmp r3, #8\n"
      "blo 8f\n"
      "strb r4, [r2], #1\n"
      "strb r5, [r2], #1\n"
      "strb r6, [r2], #1\n"
      "strb r7, [r2], #1\n"
      "strb r8, [r2], #1\n"
      "strb r9, [r2], #1\n"
      "strb r10, [r2], #1\n"
      "strb r11, [r2], #1\n"
      "str r2, [sp, #16]\n"
      "subs r3, r3, #8\n"
      "str r3, [sp, #32]\n"
      "bne 5b\n"
      "b 9f\n"
      "8:\n" /* the last channels, fewer than eight */
      "strb r4, [r2], #1\n"
      "subs r3, r3, #1\n"
      "mov r4, r5\n"
      "mov r5, r6\n"
      "mov r6, r7\n"
      "mov r7, r8\n"
      "mov r8, r9\n"
      "mov r9, r10\n"
      "bne 8b\n"
      "9:\n"
      "ldr r12, [sp, #12]\n"
      "ldr r3, [sp, #20]\n"
      "ldr r1, [r12, #28]\n"
      "subs r3, r3, #1\n"
      "add r0, r0, r1\n"
      "strd r2, r3, [sp, #16]\n"
      "bne 1b\n"
      "add sp, sp, #36\n"
      "pop {r4-r11, pc}\n");
}
#undef PREFIX_PAIR
#undef PREFIX_RESCALE
#else
/* The sums of eight channels: P and Q of each pair. */
static void PREFIX_dsp_strip_sums(uint32_t *sums, const uint32_t *weights, const int8_t *input,
                                  int32_t words) {
  for (int32_t row = 0; row < 8; row++) {
    sums[row] = *weights++;
  }
  for (int32_t word = 0; word < words; word++, weights += 9) {
    const int8_t *const bytes = input + weights[0];
    for (int32_t column = 0; column < 4; column++) {
      for (int32_t pair = 0; pair < 8; pair += 2) {
        const uint32_t two = weights[1 + pair + (column & 1)];
        const int32_t both = (int16_t)(two >> 8 * (column & 2));
        sums[pair] += (uint32_t)(both * (bytes[column] + 128));
        sums[pair + 1] += (uint32_t)((int8_t)(both & 0xFF) * (bytes[column] + 128));
      }
    }
  }
}

static void PREFIX_dsp_strip(const struct PREFIX_conv_narrow_int8_dsp *layer, const int8_t *input,
                             int8_t *output, int32_t pixels, const uint32_t *weights) {
  for (int32_t pixel = 0; pixel < pixels; pixel++) {
    uint32_t sums[8];
    const int32_t *constants = layer->constants;
    for (int32_t channel = 0; channel < layer->out_channels; channel++, constants += 3) {
      const int32_t row = channel & 7;
      if (row == 0) {
        PREFIX_dsp_strip_sums(sums, weights + channel / 8 * (8 + 9 * layer->words), input,
                              layer->words);
      }
      const uint32_t sum = row & 1 ? sums[row] << 8 : sums[row] - sums[row + 1];
      const int64_t product = (int64_t)(int32_t)sum * constants[0];
      const int32_t value = ((int32_t)(product >> 32) + constants[1]) >> constants[2];
      const int32_t limited = value < -128 ? -128 : value > 127 ? 127 : value;
      *output++ = layer->table ? layer->table[limited + 128] : (int8_t)limited;
    }
    input += layer->next;
  }
}
#endif

/* Computes a pixel at the edge, whose first tap lies at row y and column x. */
static void PREFIX_dsp_edge(const struct PREFIX_conv_narrow_int8_dsp *layer, const int8_t *input,
                            int8_t *output, int32_t y, int32_t x, int8_t *taps) {
  const int32_t channels = layer->in_channels, size = layer->kernel_width * channels;
  const int32_t first = x * channels, end = layer->in_width * channels;
  int8_t *byte = taps;
  for (int32_t row = y; row < y + layer->kernel_height; row++) {
    const int32_t inside = row >= 0 && row < layer->in_height;
    for (int32_t place = first; place < first + ((size + 3) & ~3); place++) {
      *byte++ = (int8_t)(inside && place >= 0 && place < end ? input[row * end + place] : layer->zero_point);
    }
  }
  PREFIX_dsp_strip(layer, taps, output, 1, layer->edge);
}

static void PREFIX_conv_narrow_int8_dsp(const struct PREFIX_conv_narrow_int8_dsp *layer,
                                        const int8_t *input, int8_t *output, void *scratch) {
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    for (int32_t y = 0; y < layer->out_height; y++) {
      const int32_t top = y * layer->stride_height - layer->pad_top;
      const int32_t inside = top >= 0 && top + layer->kernel_height <= layer->in_height;
      for (int32_t x = 0; x < layer->out_width;) {
        const int32_t left = x * layer->stride_width - layer->pad_left;
        const int32_t count = inside && x == layer->inner ? layer->inner_end - x : 0;
        if (count > 0) {
          PREFIX_dsp_strip(layer,
                           input + (top * layer->in_width + left) * layer->in_channels, output,
                           count, layer->weights);
        } else {
          PREFIX_dsp_edge(layer, input, output, top, left, (int8_t *)scratch);
        }
        x += count > 0 ? count : 1;
        output += (count > 0 ? count : 1) * layer->out_channels;
      }
    }
    input += layer->in_height * layer->in_width * layer->in_channels;
  }
}
