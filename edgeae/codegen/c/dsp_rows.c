/* Eight rows of weights at once times a list of runs of the input, with the rescaling: layout dsp.
 * stack: 56
 *
 * The weights of two rows A and B lie in one halfword, 256 a + b, so one SMLAD adds two columns of
 * both: P sums (256 a + b) x, Q sums b x, and P - Q is 256 times the sum of A. The input is taken as
 * x + 128, 0 to 255; the bias stands for what that changes. Eight rows are
 *
 *   8 words: 256 bias(A) + bias(B), bias(B) of each pair of rows;
 *   8 words for every 4 columns: of each pair of rows, columns 0 and 2, then columns 1 and 3.
 *
 * The constants of eight rows are a multiplier, a rounding and a shift of each; `step` bytes behind
 * them are those of the next eight, -96 if all have the same. A sum s becomes (high word of 256 s * multiplier + rounding) >> shift, limited to int8; the
 * generator has chosen the three so that this is exactly the reference's integer. `table`, if it is
 * not null, points at the value for 0 of a function of the result.
 *
 * Cores with the DSP extension in Thumb state take the assembly (gcc, clang); all others, or all
 * if EDGEAE_PORTABLE is defined, take the C, which gives the same bits.
 */
struct PREFIX_run_layer {
  const int8_t *start; /* a multiple of 4 columns, up to `end`; none in the last run of a list */
  const int8_t *end;
  uint32_t skip; /* bytes of weights to pass over before this run */
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
#define PREFIX_COLUMNS         \
  "ldr r2, [r0], #4\n"         \
  "eor r2, r2, #0x80808080\n"  \
  "uxtb16 r3, r2, ror #8\n"    \
  "uxtb16 r2, r2\n"            \
  PREFIX_PAIR("r4", "r5")      \
  PREFIX_PAIR("r6", "r7")      \
  PREFIX_PAIR("r8", "r9")      \
  PREFIX_PAIR("r10", "r11")
#define PREFIX_RESCALE(r)      \
  "ldmia r12!, {r2, r3, lr}\n" \
  "smmla " r ", " r ", r2, r3\n" \
  "asr " r ", " r ", lr\n"     \
  "ssat " r ", #8, " r "\n"

/* The stack has: end of the run, next run, runs, output, rows; then what r4-r11 and lr were; then
 * constants, step and table. r0 is the place in the input, r1 in the weights.
 */
__attribute__((naked, noinline, used)) static void PREFIX_dsp_rows(
    const struct PREFIX_run_layer *runs __attribute__((unused)),
    const uint32_t *weights __attribute__((unused)), int8_t *output __attribute__((unused)),
    int32_t rows __attribute__((unused)), const int32_t *constants __attribute__((unused)),
    int32_t step __attribute__((unused)), const int8_t *table __attribute__((unused))) {
  __asm__(
      ".syntax unified\n"
      "push {r4-r11, lr}\n"
      "sub sp, sp, #20\n"
      "str r0, [sp, #8]\n"
      "strd r2, r3, [sp, #12]\n"
      "1:\n" /* eight rows */
      "ldmia r1!, {r4-r11}\n"
      "ldr r12, [sp, #8]\n"
      "2:\n" /* a run */
      "ldmia r12!, {r0, r2, r3}\n"
      "strd r2, r12, [sp]\n"
      "add r1, r1, r3\n"
      "subs r3, r0, r2\n"
      "beq 4f\n"
      "ubfx r3, r3, #2, #2\n" /* groups of columns, modulo 4 */
      "tbb [pc, r3]\n"
      "3: .byte (5f-3b)/2, (6f-3b)/2, (7f-3b)/2, (8f-3b)/2\n"
      "5:\n" PREFIX_COLUMNS
      "6:\n" PREFIX_COLUMNS
      "7:\n" PREFIX_COLUMNS
      "8:\n" PREFIX_COLUMNS
      "ldr r12, [sp]\n"
      "cmp r0, r12\n"
      "bne 5b\n"
      "ldr r12, [sp, #4]\n"
      "b 2b\n"
      "4:\n"
      "ldrd r12, r0, [sp, #56]\n"
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
      "add r12, r12, r0\n"
      "ldr r0, [sp, #64]\n"
      "str r12, [sp, #56]\n"
      "cbz r0, 9f\n"
      "ldrb r4, [r0, r4]\n"
      "ldrb r5, [r0, r5]\n"
      "ldrb r6, [r0, r6]\n"
      "ldrb r7, [r0, r7]\n"
      "ldrb r8, [r0, r8]\n"
      "ldrb r9, [r0, r9]\n"
      "ldrb r10, [r0, r10]\n"
      "ldrb r11, [r0, r11]\n"
      "9:\n"
      "ldrd r2, r3, [sp, #12]\n"
      "subs r3, r3, #8\n"
      "blo 10f\n"
      "strb r4, [r2], #1\n"
      "strb r5, [r2], #1\n"
      "strb r6, [r2], #1\n"
      "strb r7, [r2], #1\n"
      "strb r8, [r2], #1\n"
      "strb r9, [r2], #1\n"
      "strb r10, [r2], #1\n"
      "strb r11, [r2], #1\n"
      "strd r2, r3, [sp, #12]\n"
      "bne 1b\n"
      "b 11f\n"
      "10:\n" /* the last rows, fewer than eight */
      "strb r4, [r2], #1\n"
      "mov r4, r5\n"
      "mov r5, r6\n"
      "mov r6, r7\n"
      "mov r7, r8\n"
      "mov r8, r9\n"
      "mov r9, r10\n"
      "sub r3, r3, #1\n"
      "tst r3, #7\n"
      "bne 10b\n"
      "11:\n"
      "add sp, sp, #20\n"
      "pop {r4-r11, pc}\n");
}
#undef PREFIX_PAIR
#undef PREFIX_COLUMNS
#undef PREFIX_RESCALE
#else
/* Adds 4 columns to a pair of sums: P in sums[0], Q in sums[1], modulo 2^32. */
static void PREFIX_dsp_columns(uint32_t *sums, const uint32_t *weights, const int8_t *input) {
  for (int32_t column = 0; column < 4; column++) {
    const int32_t both = (int16_t)(weights[column & 1] >> 8 * (column & 2));
    const int32_t value = input[column] + 128;
    sums[0] += (uint32_t)(both * value);
    sums[1] += (uint32_t)((int8_t)(both & 0xFF) * value);
  }
}

static int8_t PREFIX_dsp_rescale(uint32_t sum, const int32_t *constants, const int8_t *table) {
  const int64_t product = (int64_t)(int32_t)sum * constants[0];
  const int32_t value = ((int32_t)(product >> 32) + constants[1]) >> constants[2];
  const int32_t limited = value < -128 ? -128 : value > 127 ? 127 : value;
  return table ? table[limited] : (int8_t)limited;
}

static void PREFIX_dsp_rows(const struct PREFIX_run_layer *runs, const uint32_t *weights, int8_t *output,
                            int32_t rows, const int32_t *constants, int32_t step,
                            const int8_t *table) {
  for (; rows > 0; rows -= 8) {
    uint32_t sums[8];
    for (int32_t row = 0; row < 8; row++) {
      sums[row] = *weights++;
    }
    const struct PREFIX_run_layer *run = runs;
    for (weights += run->skip / 4; run->start != run->end; run++, weights += run->skip / 4) {
      for (const int8_t *input = run->start; input != run->end; input += 4, weights += 8) {
        for (int32_t pair = 0; pair < 8; pair += 2) {
          PREFIX_dsp_columns(sums + pair, weights + pair, input);
        }
      }
    }
    for (int32_t row = 0; row < 8; row++, constants += 3) {
      const uint32_t sum = row & 1 ? sums[row] << 8 : sums[row] - sums[row + 1];
      if (row < rows) {
        *output++ = PREFIX_dsp_rescale(sum, constants, table);
      }
    }
    constants += step / 4;
  }
}
#endif
