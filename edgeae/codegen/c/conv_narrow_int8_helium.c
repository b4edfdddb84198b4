/* CONV_2D of int8 in the layout helium with up to 16 taps, as of an image: no dilation, no groups.
 * stack: 160 PREFIX_helium_strip
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
/* Eight channels of 16 weights at r3, which stays, times the 16 values in q0, added to r0, r2, ... r12
 * and lr; q3 to q7 stay too. EDGEAE_HELIUM_VLDM: see helium_rows.c.
 */
#ifdef EDGEAE_HELIUM_VLDM
#define PREFIX_STRIP_ROWS         \
  "vldmia r3!, {d2-d5}\n"         \
  "vmladava.s8 r0, q0, q1\n"      \
  "vmladava.s8 r2, q0, q2\n"      \
  "vldmia r3!, {d2-d5}\n"         \
  "vmladava.s8 r4, q0, q1\n"      \
  "vmladava.s8 r6, q0, q2\n"      \
  "vldmia r3!, {d2-d5}\n"         \
  "vmladava.s8 r8, q0, q1\n"      \
  "vmladava.s8 r10, q0, q2\n"     \
  "vldmia r3!, {d2-d5}\n"         \
  "vmladava.s8 r12, q0, q1\n"     \
  "vmladava.s8 lr, q0, q2\n"      \
  "sub r3, r3, #128\n"
#else
#define PREFIX_STRIP_ROWS         \
  "vldrb.u8 q1, [r3]\n"           \
  "vldrb.u8 q2, [r3, #16]\n"      \
  "vmladava.s8 r0, q0, q1\n"      \
  "vldrb.u8 q1, [r3, #32]\n"      \
  "vmladava.s8 r2, q0, q2\n"      \
  "vldrb.u8 q2, [r3, #48]\n"      \
  "vmladava.s8 r4, q0, q1\n"      \
  "vldrb.u8 q1, [r3, #64]\n"      \
  "vmladava.s8 r6, q0, q2\n"      \
  "vldrb.u8 q2, [r3, #80]\n"      \
  "vmladava.s8 r8, q0, q1\n"      \
  "vldrb.u8 q1, [r3, #96]\n"      \
  "vmladava.s8 r10, q0, q2\n"     \
  "vldrb.u8 q2, [r3, #112]\n"     \
  "vmladava.s8 r12, q0, q1\n"     \
  "vmladava.s8 lr, q0, q2\n"
#endif

/* Computes pixels of one kind, eight channels of all of them before the next eight. The stack has: the
 * biases of eight channels; channels that are left, weights of the next eight; first pixel, output of
 * the next eight; from the end of a row to the next one in the input, in the output; rows that are
 * left; then what the registers were; then a row's pixels as in r9, rows, biases of the next eight, mask.
 *
 * r1 is the pixel, r3 the weights, r5 the channels, r7 the place in the output, r11 the bytes to the
 * next pixel; q3 the places of the taps, q4 to q7 the constants. r9 is 256 times the pixels that
 * follow in the row, plus 128: its low byte makes int8 of 0 to 255. Its sign is set if fewer than eight
 * channels are left; then each pixel leaves the loop, as the last one of a row does.
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
      "sub sp, sp, #60\n"
      "add r1, r1, r2\n"
      "ldrd r4, r5, [r0]\n"
      "vldrb.u8 q3, [r5]\n"
      "ldrd r5, r11, [r0, #8]\n" /* channels, next */
      "ldrd r6, r8, [r0, #16]\n" /* next rows of the input and of the output */
      "ldr r9, [sp, #160]\n"     /* columns */
      "ldr r0, [sp, #172]\n"
      "mls r6, r9, r11, r6\n"
      "mls r8, r9, r5, r8\n"
      "lsl r9, r9, #8\n"
      "sub r9, r9, #128\n"
      "strd r5, r4, [sp, #32]\n"
      "strd r1, r3, [sp, #40]\n"
      "strd r6, r8, [sp, #48]\n"
      "str r9, [sp, #160]\n"
      "vmsr p0, r0\n"
      "2:\n" /* eight channels */
      "ldr r1, [sp, #168]\n"
      "ldmia r1!, {r0, r2, r4, r6, r8, r10, r12, lr}\n"
      "str r1, [sp, #168]\n"
      "stmia sp, {r0, r2, r4, r6, r8, r10, r12, lr}\n"
      "ldrd r0, r3, [sp, #32]\n"
      "ldrd r1, r7, [sp, #40]\n"
      "ldrd r9, r6, [sp, #160]\n"
      "add r2, r3, #128\n"
      "vldmia r2!, {d8-d15}\n"
      "add r4, r7, #8\n"
      "str r2, [sp, #36]\n"
      "str r4, [sp, #44]\n"
      "str r6, [sp, #56]\n"
      "cmp r0, #8\n"
      "bge 1f\n"
      "orr r9, r9, #0x80000000\n"
      "str r9, [sp, #160]\n"
      "b 1f\n"
      "0:\n"
      "vstrb.16 q0, [r7]\n"
      "add r7, r7, r5\n"
      "1:\n" /* a pixel */
      "ldmia sp, {r0, r2, r4, r6, r8, r10, r12, lr}\n"
      "vpst\n"
      "vldrbt.u8 q0, [r1, q3]\n" PREFIX_STRIP_ROWS
      "vmov q0[2], q0[0], r0, r8\n" /* channels 0, 2, 4, 6 */
      "vmov q0[3], q0[1], r4, r12\n"
      "vmov q1[2], q1[0], r2, r10\n" /* channels 1, 3, 5, 7 */
      "vmov q1[3], q1[1], r6, lr\n"
      "vqrdmulh.s32 q0, q0, q4\n"
      "vqrdmulh.s32 q1, q1, q5\n"
      "vrshl.s32 q0, q0, q6\n"
      "vrshl.s32 q1, q1, q7\n"
      "vqmovnb.s32 q0, q0\n"
      "vqmovnt.s32 q0, q1\n"
      "vqmovunb.s16 q0, q0\n"
      "vadd.i16 q0, q0, r9\n"
      "add r1, r1, r11\n"
      "subs r9, r9, #256\n"
      "bgt 0b\n"
      "ldr r0, [sp, #32]\n"
      "ldr r2, [sp, #172]\n"
      "vctp.16 r0\n"
      "vpst\n"
      "vstrbt.16 q0, [r7]\n"
      "vmsr p0, r2\n"
      "add r7, r7, r5\n"
      "lsls r0, r9, #1\n" /* bit 30 is set once no pixel of the row is left */
      "bpl 1b\n"
      "ldrd r0, r2, [sp, #48]\n"
      "ldr r4, [sp, #56]\n"
      "ldr r9, [sp, #160]\n"
      "add r1, r1, r0\n"
      "add r7, r7, r2\n"
      "subs r4, r4, #1\n"
      "str r4, [sp, #56]\n"
      "bne 1b\n"
      "ldr r0, [sp, #32]\n"
      "subs r0, r0, #8\n"
      "str r0, [sp, #32]\n"
      "bgt 2b\n"
      "add sp, sp, #60\n"
      "vpop {d8-d15}\n"
      "pop {r4-r11, pc}\n");
}
#undef PREFIX_STRIP_ROWS
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
    const int64_t product = ((int64_t)sum * (int32_t)own[0] + ((int64_t)1 << 30)) >> 31;
    const int32_t shift = -(int32_t)own[8];
    const int64_t value = (product + ((int64_t)1 << (shift - 1))) >> shift;
    output[channel] = (int8_t)((value < 0 ? 0 : value > 255 ? 255 : value) - 128);
    weights += row == 7 ? 48 : 0;
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
