/* FULLY_CONNECTED of int8 in the layout helium: eight rows at once, sixteen columns at once.
 * needs: helium_rows
 * stack: 116 PREFIX_helium_dense
 *
 * Eight rows of `weights` are 8 words of bias, then for every 16 columns 4 words of each row, the
 * first column in the low byte. Eight rows of `constants` are multipliers, roundings and negative
 * shifts, each of the rows 0, 2, 4, 6, then 1, 3, 5, 7. A sum s becomes
 * (high word of s * multiplier + rounding) >> shift, limited to int8; the generator has chosen the
 * three so that this is exactly the reference's integer. With a table, the rounding adds 128, and
 * the result is limited to 0 to 255 and looked up.
 *
 * Cores with Helium take the assembly (gcc, clang); all others, or all if EDGEAE_PORTABLE is
 * defined, take the C, which gives the same bits.
 */
struct PREFIX_fully_connected_int8_helium_layer {
  const uint32_t *weights;
  const int32_t *constants;
  const int8_t *table; /* a function of the output, from -128 on; or null */
  int32_t step;        /* bytes from the constants of eight rows to the next */
  int32_t rows;
  int32_t whole; /* columns in groups of 16 */
  int32_t rest;  /* columns after these, 1 to 16 */
  int32_t batches;
};

#if defined(__ARM_FEATURE_MVE) && defined(__GNUC__) && !defined(EDGEAE_PORTABLE)
#define PREFIX_SIXTEEN "vldrb.u8 q0, [r1], #16\n" PREFIX_HELIUM_ROWS

/* The stack has: input, table, constants, step. r1 is the place in the input, r3 in the weights, r7
 * in the output, r9 the rows that are left, r11 the input's last columns.
 */
__attribute__((naked, noinline, used)) static void PREFIX_helium_dense(
    const struct PREFIX_fully_connected_int8_helium_layer *layer __attribute__((unused)),
    const int8_t *input __attribute__((unused)), int8_t *output __attribute__((unused))) {
  __asm__(
      ".syntax unified\n"
      "push {r4-r11, lr}\n"
      "vpush {d8-d15}\n"
      "sub sp, sp, #16\n"
      "mov r7, r2\n"
      "ldrd r3, r4, [r0]\n"
      "ldrd r5, r6, [r0, #8]\n"
      "strd r1, r5, [sp]\n"
      "strd r4, r6, [sp, #8]\n"
      "ldrd r9, r11, [r0, #16]\n"
      "add r11, r11, r1\n"
      "ldr r5, [r0, #24]\n"
      "vctp.8 r5\n"
      "1:\n" /* eight rows */
      "ldmia r3!, {r0, r2, r4, r6, r8, r10, r12, lr}\n"
      "ldr r1, [sp]\n"
      "subs r5, r11, r1\n"
      "beq 4f\n"
      "ubfx r5, r5, #4, #2\n" /* groups of columns, modulo 4 */
      "tbb [pc, r5]\n"
      "3: .byte (5f-3b)/2, (8f-3b)/2, (7f-3b)/2, (6f-3b)/2\n"
      "5:\n" PREFIX_SIXTEEN
      "6:\n" PREFIX_SIXTEEN
      "7:\n" PREFIX_SIXTEEN
      "8:\n" PREFIX_SIXTEEN
      "cmp r1, r11\n"
      "bne 5b\n"
      "4:\n"
      "vpst\n"
      "vldrbt.u8 q0, [r1]\n" PREFIX_HELIUM_ROWS
      "vmov q0[2], q0[0], r0, r8\n" /* rows 0, 2, 4, 6 */
      "vmov q0[3], q0[1], r4, r12\n"
      "vmov q1[2], q1[0], r2, r10\n" /* rows 1, 3, 5, 7 */
      "vmov q1[3], q1[1], r6, lr\n"
      "ldrd r1, r5, [sp, #8]\n"
      "vldmia r1, {d4-d15}\n"
      "add r1, r1, r5\n"
      "str r1, [sp, #8]\n"
      "vmulh.s32 q0, q0, q2\n"
      "vmulh.s32 q1, q1, q3\n"
      "vadd.i32 q0, q0, q4\n"
      "vadd.i32 q1, q1, q5\n"
      "vshl.s32 q0, q0, q6\n"
      "vshl.s32 q1, q1, q7\n"
      "vqmovnb.s32 q0, q0\n"
      "vqmovnt.s32 q0, q1\n"
      "ldr r1, [sp, #4]\n"
      "cbnz r1, 9f\n"
      "vqmovnb.s16 q0, q0\n"
      "2:\n"
      "subs r9, r9, #8\n"
      "blt 10f\n"
      "vstrb.16 q0, [r7], #8\n"
      "bne 1b\n"
      "11:\n"
      "add sp, sp, #16\n"
      "vpop {d8-d15}\n"
      "pop {r4-r11, pc}\n"
      "9:\n"
      "vmov.i32 q1, #0\n"
      "vqmovunb.s16 q1, q0\n"
      "vldrb.u16 q0, [r1, q1]\n"
      "b 2b\n"
      "10:\n" /* the last rows, fewer than eight */
      "add r9, r9, #8\n"
      "vctp.16 r9\n"
      "vpst\n"
      "vstrbt.16 q0, [r7]\n"
      "b 11b\n");
}
#undef PREFIX_SIXTEEN
#else
static int8_t PREFIX_helium_rescale(int32_t sum, const int32_t *constants, const int8_t *table) {
  const int32_t high = (int32_t)(((int64_t)sum * constants[0]) >> 32);
  const int32_t value = (high + constants[8]) >> -constants[16];
  const int32_t low = table ? 0 : -128;
  const int32_t limited = value < low ? low : value > low + 255 ? low + 255 : value;
  return table ? table[limited] : (int8_t)limited;
}

static void PREFIX_helium_dense(const struct PREFIX_fully_connected_int8_helium_layer *layer,
                               const int8_t *input, int8_t *output) {
  const int32_t columns = layer->whole + layer->rest;
  const uint32_t *weights = layer->weights;
  const int32_t *constants = layer->constants;
  for (int32_t left = layer->rows; left > 0; left -= 8) {
    int32_t sums[8];
    for (int32_t row = 0; row < 8; row++) {
      sums[row] = (int32_t)*weights++;
    }
    for (int32_t first = 0; first < columns; first += 16, weights += 32) {
      for (int32_t place = 0; place < 128; place++) {
        const int32_t column = first + (place & 15);
        if (column < columns) {
          const uint32_t word = weights[place >> 2];
          sums[place >> 4] += (int8_t)(word >> 8 * (place & 3)) * input[column];
        }
      }
    }
    for (int32_t row = 0; row < 8 && row < left; row++) {
      const int32_t *own = constants + (row & 1) * 4 + (row >> 1);
      *output++ = PREFIX_helium_rescale(sums[row], own, layer->table);
    }
    constants += layer->step / 4;
  }
}
#endif

static void PREFIX_fully_connected_int8_helium(
    const struct PREFIX_fully_connected_int8_helium_layer *layer, const int8_t *input, int8_t *output) {
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    PREFIX_helium_dense(layer, input, output);
    input += layer->whole + layer->rest;
    output += layer->rows;
  }
}
