/* CONV_2D of int8 in the layout helium: no dilation, no groups.
 * needs: helium_rows
 * stack: 156 PREFIX_helium_pixels
 *
 * The taps of a pixel are gathered into `scratch`, 16 at once; those outside the input are masked out
 * and become 0, and what they would add is in the bias. So pixels are of kinds, a kind of rows times
 * a kind of columns, each with its masks and biases. Eight channels of `weights` are, for every 16
 * taps, 4 words of each channel, the first tap in the low byte, then 16 words: multipliers and negative
 * shifts, each of the channels 0, 2, 4, 6, then 1, 3, 5, 7. A sum s becomes s * multiplier / 2^31, then
 * that / 2^shift, both rounded, limited to 0 to 255, less 128.
 *
 * Cores with Helium take the assembly (gcc, clang); all others, or all if EDGEAE_PORTABLE is
 * defined, take the C, which gives the same bits.
 */
struct PREFIX_conv_int8_helium_layer {
  const uint32_t *weights;
  const uint32_t *places; /* of 16 taps: a place in bytes from the first tap, and 16 bytes to add */
  int32_t out_channels;
  int32_t next;           /* bytes from the first tap of a pixel to that of the next one */
  int32_t groups;         /* of 16 taps */
  int32_t next_row;       /* bytes from the first tap of a row of pixels to that of the next one */
  int32_t out_row;        /* bytes from a row of the output to the next one */
  const int32_t *biases;  /* of each kind, a multiple of eight channels */
  const int32_t *masks;   /* of each kind and 16 taps, a bit for each tap that is inside */
  const int32_t *rows;    /* how many rows each kind has, in order */
  const int32_t *columns; /* how many columns each kind has, in order */
  int32_t row_kinds;
  int32_t column_kinds;
  int32_t first;    /* place of the first tap of the first pixel, which may be outside */
  int32_t batches;
  int32_t in_size;
  int32_t inner; /* the kind of which all taps are inside; or -1 */
};

#if defined(__ARM_FEATURE_MVE) && defined(__GNUC__) && !defined(EDGEAE_PORTABLE)
#define PREFIX_SIXTEEN "vldrb.u8 q0, [r1], #16\n" PREFIX_HELIUM_ROWS

/* Computes pixels of one kind. The stack has: weights, biases, next, end of the row, channels, places,
 * masks, scratch, its end, the pixel, entry into the groups, next row of the input, of the output,
 * the former as it is; then what the registers were; then groups, rows, and what has been copied. While taps
 * are gathered, r1 is the pixel, r4 the place in the places, r6 in the masks, r8 in the scratch; then r1
 * is the place in the scratch, r3 in the weights, r5 in the biases, r7 in the output, r9 the channels
 * that are left, r11 the end of the scratch.
 */
__attribute__((naked, noinline, used, aligned(4))) static void PREFIX_helium_pixels(
    const struct PREFIX_conv_int8_helium_layer *layer __attribute__((unused)),
    const int8_t *input __attribute__((unused)), int32_t place __attribute__((unused)),
    int8_t *output __attribute__((unused)), int32_t columns __attribute__((unused)),
    int32_t rows __attribute__((unused)), const int32_t *biases __attribute__((unused)), const int32_t *masks __attribute__((unused)),
    int8_t *scratch __attribute__((unused))) {
  __asm__(
      ".syntax unified\n"
      "push {r4-r11, lr}\n"
      "vpush {d8-d15}\n"
      "sub sp, sp, #56\n"
      "mov r7, r3\n"
      "add r1, r1, r2\n"
      "ldrd r3, r11, [r0]\n"
      "ldrd r4, r6, [r0, #8]\n" /* channels, next */
      "ldr r9, [r0, #16]\n"
      "ldr r2, [sp, #156]\n" /* columns */
      "ldr r5, [sp, #164]\n"
      "ldrd r8, r10, [sp, #168]\n" /* masks, scratch */
      "strd r3, r5, [sp]\n"
      "strd r4, r11, [sp, #16]\n"
      "strd r8, r10, [sp, #24]\n"
      "add r10, r10, r9, lsl #4\n"
      "str r10, [sp, #32]\n"
      "str r9, [sp, #156]\n"
      "rsb r9, r9, #0\n"
      "and r9, r9, #7\n" /* groups of taps to pass over in the first of the loop's turns */
      "adr.w r5, 4f\n" /* right in a function at a multiple of 4 only */
      "ldrb r9, [r5, r9]\n"
      "add r9, r5, r9, lsl #1\n"
      "add r9, r9, #1\n" /* Thumb */
      "mul r3, r2, r6\n"
      "ldrd r5, r8, [r0, #20]\n" /* next rows of the input and of the output */
      "str r5, [sp, #52]\n"
      "sub r5, r5, r3\n"
      "mls r8, r2, r4, r8\n"
      "add r2, r1, r3\n"
      "strd r9, r5, [sp, #40]\n"
      "str r8, [sp, #48]\n"
      "strd r6, r2, [sp, #8]\n"
      "1:\n" /* a pixel */
      "ldrd r4, r6, [sp, #20]\n"
      "ldrd r8, r11, [sp, #28]\n"
      "str r1, [sp, #36]\n"
      "ldr r2, [sp, #156]\n"
      "dls lr, r2\n"
      "cbnz r6, 2f\n"
      "6:\n" /* all taps are inside */
      "ldr r5, [r4], #4\n"
      "vldrb.u8 q1, [r4], #16\n"
      "add r5, r5, r1\n"
      "vldrb.u8 q0, [r5, q1]\n"
      "vstrb.u8 q0, [r8], #16\n"
      "le lr, 6b\n"
      "b 7f\n"
      "2:\n"
      "ldr r5, [r4], #4\n"
      "ldr r2, [r6], #4\n"
      "vldrb.u8 q1, [r4], #16\n"
      "add r5, r5, r1\n"
      "vmsr p0, r2\n"
      "vpst\n"
      "vldrbt.u8 q0, [r5, q1]\n"
      "vstrb.u8 q0, [r8], #16\n"
      "le lr, 2b\n"
      "7:\n"
      "ldrd r3, r5, [sp]\n"
      "ldr r9, [sp, #16]\n"
      "3:\n" /* eight channels */
      "ldmia r5!, {r0, r2, r4, r6, r8, r10, r12, lr}\n"
      "ldr r1, [sp, #28]\n"
      "ldr pc, [sp, #40]\n"
      "4: .byte (11f-4b)/2, (12f-4b)/2, (13f-4b)/2, (14f-4b)/2\n"
      ".byte (15f-4b)/2, (16f-4b)/2, (17f-4b)/2, (18f-4b)/2\n"
      "11:\n" PREFIX_SIXTEEN
      "12:\n" PREFIX_SIXTEEN
      "13:\n" PREFIX_SIXTEEN
      "14:\n" PREFIX_SIXTEEN
      "15:\n" PREFIX_SIXTEEN
      "16:\n" PREFIX_SIXTEEN
      "17:\n" PREFIX_SIXTEEN
      "18:\n" PREFIX_SIXTEEN
      "cmp r1, r11\n"
      "bne 11b\n"
      "vmov q0[2], q0[0], r0, r8\n" /* channels 0, 2, 4, 6 */
      "vmov q0[3], q0[1], r4, r12\n"
      "vmov q1[2], q1[0], r2, r10\n" /* channels 1, 3, 5, 7 */
      "vmov q1[3], q1[1], r6, lr\n"
      "vldmia r3!, {d8-d15}\n"
      "vqrdmulh.s32 q0, q0, q4\n"
      "vqrdmulh.s32 q1, q1, q5\n"
      "vrshl.s32 q0, q0, q6\n"
      "vrshl.s32 q1, q1, q7\n"
      "vqmovnb.s32 q0, q0\n"
      "vqmovnt.s32 q0, q1\n"
      "vmov.i16 q1, #128\n"
      "vqmovunb.s16 q0, q0\n"
      "vadd.i16 q0, q0, q1\n"
      "subs r9, r9, #8\n"
      "blt 10f\n"
      "vstrb.16 q0, [r7], #8\n"
      "bne 3b\n"
      "5:\n"
      "ldr r1, [sp, #36]\n"
      "ldrd r0, r2, [sp, #8]\n"
      "add r1, r1, r0\n"
      "cmp r1, r2\n"
      "bne 1b\n"
      "ldrd r4, r5, [sp, #44]\n"
      "ldr r3, [sp, #160]\n" /* rows that are left */
      "ldr r6, [sp, #52]\n"
      "add r1, r1, r4\n"
      "add r7, r7, r5\n"
      "add r2, r2, r6\n"
      "str r2, [sp, #12]\n"
      "subs r3, r3, #1\n"
      "str r3, [sp, #160]\n"
      "bne 1b\n"
      "add sp, sp, #56\n"
      "vpop {d8-d15}\n"
      "pop {r4-r11, pc}\n"
      "10:\n" /* the last channels, fewer than eight */
      "add r9, r9, #8\n"
      "vctp.16 r9\n"
      "vpst\n"
      "vstrbt.16 q0, [r7]\n"
      "add r7, r7, r9\n"
      "b 5b\n");
}
#undef PREFIX_SIXTEEN
#else
static void PREFIX_helium_pixel(const struct PREFIX_conv_int8_helium_layer *layer, const int8_t *input,
                                int32_t place, int8_t *output, const int32_t *biases,
                                const int32_t *masks, int8_t *scratch) {
  const uint32_t *weights = layer->weights;
  for (int32_t tap = 0; tap < 16 * layer->groups; tap++) {
    const uint32_t *const group = layer->places + (tap >> 4) * 5;
    const uint32_t more = group[1 + (tap >> 2 & 3)] >> 8 * (tap & 3) & 0xFF;
    scratch[tap] = 0;
    if (!masks || (masks[tap >> 4] >> (tap & 15) & 1)) {
      scratch[tap] = input[place + (int32_t)(group[0] + more)];
    }
  }
  for (int32_t channel = 0; channel < layer->out_channels; channel++) {
    const int32_t row = channel & 7;
    const uint32_t *const own = weights + 32 * layer->groups + (row & 1) * 4 + (row >> 1);
    int32_t sum = biases[channel];
    for (int32_t tap = 0; tap < 16 * layer->groups; tap++) {
      const uint32_t word = weights[32 * (tap >> 4) + row * 4 + (tap >> 2 & 3)];
      sum += (int8_t)(word >> 8 * (tap & 3)) * scratch[tap];
    }
    const int64_t product = ((int64_t)sum * (int32_t)own[0] + ((int64_t)1 << 30)) >> 31;
    const int32_t shift = -(int32_t)own[8];
    const int64_t value = (product + ((int64_t)1 << (shift - 1))) >> shift;
    output[channel] = (int8_t)((value < 0 ? 0 : value > 255 ? 255 : value) - 128);
    weights += row == 7 ? 32 * layer->groups + 16 : 0;
  }
}

static void PREFIX_helium_pixels(const struct PREFIX_conv_int8_helium_layer *layer, const int8_t *input,
                                 int32_t place, int8_t *output, int32_t columns, int32_t rows,
                                 const int32_t *biases, const int32_t *masks, int8_t *scratch) {
  for (int32_t y = 0; y < rows; y++, place += layer->next_row, output += layer->out_row) {
    for (int32_t x = 0; x < columns; x++) {
      PREFIX_helium_pixel(layer, input, place + x * layer->next, output + x * layer->out_channels,
                          biases, masks, scratch);
    }
  }
}
#endif

static void PREFIX_conv_int8_helium(const struct PREFIX_conv_int8_helium_layer *layer,
                                    const int8_t *input, int8_t *output, void *scratch) {
  const int32_t channels = (layer->out_channels + 7) & ~7;
  for (int32_t batch = 0; batch < layer->batches; batch++, input += layer->in_size) {
    int32_t kind = 0, start = layer->first;
    for (int32_t row = 0; row < layer->row_kinds; row++) {
      int8_t *pixel = output;
      int32_t place = start;
      for (int32_t column = 0; column < layer->column_kinds; column++, kind++) {
        PREFIX_helium_pixels(layer, input, place, pixel, layer->columns[column], layer->rows[row],
                             layer->biases + kind * channels,
                             kind == layer->inner ? 0 : layer->masks + kind * layer->groups,
                             (int8_t *)scratch);
        place += layer->columns[column] * layer->next;
        pixel += layer->columns[column] * layer->out_channels;
      }
      start += layer->rows[row] * layer->next_row;
      output += layer->rows[row] * layer->out_row;
    }
  }
}
