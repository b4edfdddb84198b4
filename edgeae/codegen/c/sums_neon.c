/* The sums of rows of weights times one input: with NEON, or in plain C.
 * needs: limits_neon
 *
 * Rows lie in panels of 16, the last one filled up with zeros. For each four columns, a panel has
 * four weights of each of its rows. Behind the input are zeros up to a multiple of four columns.
 *
 * Cores with the dot product are found at run time under Linux. The instruction is assembly, as
 * older compilers have it only in code for such cores.
 */
#if defined(__ARM_NEON) && defined(__aarch64__) && !defined(__AARCH64EB__)
#if defined(__linux__) && !defined(__ARM_FEATURE_DOTPROD)
#include <sys/auxv.h>
#endif

#if defined(__ARM_FEATURE_DOTPROD)
#define PREFIX_DOT_NEON
#elif defined(__clang__)
#define PREFIX_DOT_NEON __attribute__((target("dotprod")))
#else
#define PREFIX_DOT_NEON __attribute__((target("arch=armv8.2-a+dotprod")))
#endif

static int PREFIX_has_dot_neon(void) {
#if defined(__ARM_FEATURE_DOTPROD)
  return 1;
#elif defined(__linux__)
  return (getauxval(AT_HWCAP) >> 20 & 1) != 0; /* HWCAP_ASIMDDP */
#else
  return 0;
#endif
}

PREFIX_DOT_NEON static int32x4_t PREFIX_dot_neon(int32x4_t sums, int8x16_t weights,
                                                 int8x16_t values) {
  __asm__("sdot %0.4s, %1.16b, %2.16b" : "+w"(sums) : "w"(weights), "w"(values));
  return sums;
}

static int8x16_t PREFIX_four_neon(const int8_t *values) {
  return vreinterpretq_s8_s32(vld1q_dup_s32((const int32_t *)(const void *)values));
}

PREFIX_DOT_NEON static void PREFIX_dot_panel_neon(const int8_t *weights, const int32_t *bias,
                                                  int32_t columns, const int8_t *input,
                                                  int32_t *sums) {
  int32x4_t sum[4];
  for (int32_t quarter = 0; quarter < 4; quarter++) {
    sum[quarter] = vld1q_s32(bias + 4 * quarter);
  }
  for (int32_t column = 0; column < columns; column += 4) {
    const int8x16_t values = PREFIX_four_neon(input + column);
    for (int32_t quarter = 0; quarter < 4; quarter++) {
      sum[quarter] = PREFIX_dot_neon(sum[quarter], vld1q_s8(weights + 16 * quarter), values);
    }
    weights += 64;
  }
  for (int32_t quarter = 0; quarter < 4; quarter++) {
    vst1q_s32(sums + 4 * quarter, sum[quarter]);
  }
}

/* Each row has two lanes: one of columns 0 and 1, one of columns 2 and 3. */
static void PREFIX_plain_panel_neon(const int8_t *weights, const int32_t *bias, int32_t columns,
                                    const int8_t *input, int32_t *sums) {
  int32x4_t sum[8];
  for (int32_t pair = 0; pair < 8; pair++) {
    sum[pair] = vdupq_n_s32(0);
  }
  for (int32_t column = 0; column < columns; column += 4) {
    const int8x8_t values = vget_low_s8(PREFIX_four_neon(input + column));
    for (int32_t pair = 0; pair < 8; pair++) {
      sum[pair] = vpadalq_s16(sum[pair], vmull_s8(vld1_s8(weights + 8 * pair), values));
    }
    weights += 64;
  }
  for (int32_t quarter = 0; quarter < 4; quarter++) {
    const int32x4_t four = vpaddq_s32(sum[2 * quarter], sum[2 * quarter + 1]);
    vst1q_s32(sums + 4 * quarter, vaddq_s32(four, vld1q_s32(bias + 4 * quarter)));
  }
}

static void PREFIX_panel_neon(const int8_t *weights, const int32_t *bias, int32_t columns,
                              const int8_t *input, int32_t *sums) {
  if (PREFIX_has_dot_neon()) {
    PREFIX_dot_panel_neon(weights, bias, columns, input, sums);
  } else {
    PREFIX_plain_panel_neon(weights, bias, columns, input, sums);
  }
}
#else
static void PREFIX_panel_neon(const int8_t *weights, const int32_t *bias, int32_t columns,
                              const int8_t *input, int32_t *sums) {
  for (int32_t row = 0; row < 16; row++) {
    sums[row] = bias[row];
  }
  for (int32_t column = 0; column < columns; column += 4) {
    for (int32_t row = 0; row < 16; row++) {
      for (int32_t index = 0; index < 4; index++) {
        sums[row] += *weights++ * input[column + index];
      }
    }
  }
}
#endif

static void PREFIX_sums_neon(const int8_t *weights, const int32_t *bias, int32_t rows,
                             int32_t columns, const int8_t *input, int32_t *sums) {
  for (int32_t row = 0; row < rows; row += 16) {
    PREFIX_panel_neon(weights, bias + row, columns, input, sums + row);
    weights += (columns + 3) / 4 * 64;
  }
}
