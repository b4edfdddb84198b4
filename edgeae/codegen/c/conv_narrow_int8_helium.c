/* CONV_2D of int8 in the layout helium with up to 16 taps, as of an image: no dilation, no groups.
 * needs: helium_rows
 * stack: 140 PREFIX_helium_strip
 *
 * The taps of a pixel are gathered, those outside the input masked out; what they would add is in
 * the bias. So pixels are of kinds, a kind of rows times a kind of columns, each with its mask and
 * biases. Weights, constants and sums are as in conv_int8_helium.c, but the biases.
 */
struct PREFIX_conv_narrow_int8_helium_layer {
  const uint32_t *weights;
  const uint8_t *places; /* of the 16 taps, in bytes from the first one */
  int32_t out_channels;
  int32_t next;           /* bytes from the first tap of a pixel to that of the next one */
  int32_t next_row;       /* bytes from the first tap of a row of pixels to that of the next one */
  int32_t out_row;        /* bytes from a row of the output to the next one */
  const int32_t *biases;  /* of each kind, a multiple of eight channels */
  const int32_t *masks;   /* of each kind, a bit for each tap that is inside */
  const int32_t *rows;    /* how many rows each kind has, in order */
  const int32_t *columns; /* how many columns each kind has, in order */
  int32_t row_kinds;
  int32_t column_kinds;
  int32_t first; /* place of the first tap of the first pixel, which may be outside */
  int32_t batches;
  int32_t in_size;
};

#if defined(__ARM_FEATURE_MVE) && defined(__GNUC__) && !defined(EDGEAE_PORTABLE)
/* Computes pixels of one kind. The stack has: weights, biases, next, end of the row, channels, mask,
 * next row of the input, as it is and from the end of the last one, that of the output, one word; then
 * what the registers were; then columns and rows. r1 is the pixel, r3 the place in the weights, r5 in
 * the biases, r7 in the output, r9 the channels that are left, r11 the places of the taps.
 */
__attribute__((naked, noinline, used)) static void PREFIX_helium_strip(
    const struct PREFIX_conv_narrow_int8_helium_layer *layer __attribute__((unused)),
    const int8_t *input __attribute__((unused)), int32_t place __attribute__((unused)),
    int8_t *output __attribute__((unused)), int32_t columns __attribute__((unused)),
    int32_t rows __attribute__((unused)), const int32_t *biases __attribute__((unused)), int32_t mask __attribute__((unused))) {
  __asm__(
      ".syntax unified\n"
      "push {r4-r11, lr}\n"
      "vpush {d8-d15}\n"
      "sub sp, sp, #40\n"
      "mov r7, r3\n"
      "add r1, r1, r2\n"
      "ldrd r3, r11, [r0]\n"
      "ldrd r4, r6, [r0, #8]\n" /* channels, next */
      "ldr r2, [sp, #140]\n"    /* columns */
      "ldrd r5, r8, [sp, #148]\n"
      "strd r3, r5, [sp]\n"
      "strd r4, r8, [sp, #16]\n"
      "mul r3, r2, r6\n"
      "ldrd r5, r9, [r0, #16]\n" /* next rows of the input and of the output */
      "sub r10, r5, r3\n"
      "mls r9, r2, r4, r9\n"
      "add r2, r1, r3\n"
      "strd r5, r10, [sp, #24]\n"
      "str r9, [sp, #32]\n"
      "strd r6, r2, [sp, #8]\n"
      "vmsr p0, r8\n"
      "1:\n" /* a pixel */
      "ldrd r3, r5, [sp]\n"
      "ldr r9, [sp, #16]\n"
      "2:\n" /* eight channels */
      "ldmia r5!, {r0, r2, r4, r6, r8, r10, r12, lr}\n"
      "vldrb.u8 q1, [r11]\n"
      "vpst\n"
      "vldrbt.u8 q0, [r1, q1]\n" PREFIX_HELIUM_ROWS
      "vldmia r3!, {d4-d15}\n"
      "vmov q0[2], q0[0], r0, r8\n" /* channels 0, 2, 4, 6 */
      "vmov q0[3], q0[1], r4, r12\n"
      "vmov q1[2], q1[0], r2, r10\n" /* channels 1, 3, 5, 7 */
      "vmov q1[3], q1[1], r6, lr\n"
      "vqrdmulh.s32 q0, q0, q2\n"
      "vqrdmulh.s32 q1, q1, q3\n"
      "vadd.i32 q0, q0, q4\n"
      "vadd.i32 q1, q1, q5\n"
      "vshl.s32 q0, q0, q6\n"
      "vshl.s32 q1, q1, q7\n"
      "vqmovnb.s32 q0, q0\n"
      "vqmovnt.s32 q0, q1\n"
      "vqmovnb.s16 q0, q0\n"
      "subs r9, r9, #8\n"
      "blt 10f\n"
      "vstrb.16 q0, [r7], #8\n"
      "bne 2b\n"
      "3:\n"
      "ldrd r0, r2, [sp, #8]\n"
      "add r1, r1, r0\n"
      "cmp r1, r2\n"
      "bne 1b\n"
      "ldrd r6, r4, [sp, #24]\n"
      "ldr r5, [sp, #32]\n"
      "ldr r3, [sp, #144]\n" /* rows that are left */
      "add r1, r1, r4\n"
      "add r7, r7, r5\n"
      "add r2, r2, r6\n"
      "str r2, [sp, #12]\n"
      "subs r3, r3, #1\n"
      "str r3, [sp, #144]\n"
      "bne 1b\n"
      "add sp, sp, #40\n"
      "vpop {d8-d15}\n"
      "pop {r4-r11, pc}\n"
      "10:\n" /* the last channels, fewer than eight */
      "add r9, r9, #8\n"
      "vctp.16 r9\n"
      "vpst\n"
      "vstrbt.16 q0, [r7]\n"
      "add r7, r7, r9\n"
      "ldr r8, [sp, #20]\n"
      "vmsr p0, r8\n"
      "b 3b\n");
}
#else
static void PREFIX_helium_tiny(const struct PREFIX_conv_narrow_int8_helium_layer *layer,
                               const int8_t *input, int32_t place, int8_t *output,
                               const int32_t *biases, int32_t mask) {
  const uint32_t *weights = layer->weights;
  for (int32_t channel = 0; channel < layer->out_channels; channel++) {
    const int32_t row = channel & 7;
    const uint32_t *const own = weights + 32 + (row & 1) * 4 + (row >> 1);
    int32_t sum = biases[channel];
    for (int32_t tap = 0; tap < 16; tap++) {
      const uint32_t word = weights[row * 4 + (tap >> 2)];
      if (mask >> tap & 1) {
        sum += (int8_t)(word >> 8 * (tap & 3)) * input[place + layer->places[tap]];
      }
    }
    const int64_t product = (int64_t)sum * (int32_t)own[0] + ((int64_t)1 << 30);
    const int32_t value = ((int32_t)(product >> 31) + (int32_t)own[8]) >> -(int32_t)own[16];
    output[channel] = (int8_t)(value < -128 ? -128 : value > 127 ? 127 : value);
    weights += row == 7 ? 56 : 0;
  }
}

static void PREFIX_helium_strip(const struct PREFIX_conv_narrow_int8_helium_layer *layer,
                                const int8_t *input, int32_t place, int8_t *output,
                                int32_t columns, int32_t rows, const int32_t *biases,
                                int32_t mask) {
  for (int32_t y = 0; y < rows; y++, place += layer->next_row, output += layer->out_row) {
    for (int32_t x = 0; x < columns; x++) {
      PREFIX_helium_tiny(layer, input, place + x * layer->next, output + x * layer->out_channels,
                         biases, mask);
    }
  }
}
#endif

static void PREFIX_conv_narrow_int8_helium(const struct PREFIX_conv_narrow_int8_helium_layer *layer,
                                           const int8_t *input, int8_t *output) {
  const int32_t channels = (layer->out_channels + 7) & ~7;
  for (int32_t batch = 0; batch < layer->batches; batch++, input += layer->in_size) {
    int32_t kind = 0, start = layer->first;
    for (int32_t row = 0; row < layer->row_kinds; row++) {
      int8_t *pixel = output;
      int32_t place = start;
      for (int32_t column = 0; column < layer->column_kinds; column++, kind++) {
        PREFIX_helium_strip(layer, input, place, pixel, layer->columns[column], layer->rows[row],
                            layer->biases + kind * channels, layer->masks[kind]);
        place += layer->columns[column] * layer->next;
        pixel += layer->columns[column] * layer->out_channels;
      }
      start += layer->rows[row] * layer->next_row;
      output += layer->rows[row] * layer->out_row;
    }
  }
}
