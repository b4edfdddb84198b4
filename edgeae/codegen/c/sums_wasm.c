/* The sums of rows of weights times one input: with SIMD128, or in plain C.
 * needs: intrinsics_wasm
 *
 * Rows lie in panels of 16, the last one filled up with zeros. For each four columns, a panel has
 * four weights of each of its rows. Behind the input are zeros up to a multiple of four columns.
 */
#if defined(__wasm_simd128__)
/* Each row has two lanes: one of columns 0 and 1, one of columns 2 and 3. */
static void PREFIX_panel_wasm(const int8_t *weights, const int32_t *bias, int32_t columns,
                              const int8_t *input, int32_t *sums) {
  v128_t sum[8];
  for (int32_t pair = 0; pair < 8; pair++) {
    sum[pair] = wasm_i32x4_const_splat(0);
  }
  for (int32_t column = 0; column < columns; column += 4) {
    const v128_t values = wasm_i16x8_extend_low_i8x16(wasm_v128_load32_splat(input + column));
    for (int32_t pair = 0; pair < 8; pair++) {
      const v128_t two = wasm_i16x8_load8x8(weights + 8 * pair);
      sum[pair] = wasm_i32x4_add(sum[pair], wasm_i32x4_dot_i16x8(two, values));
    }
    weights += 64;
  }
  for (int32_t quarter = 0; quarter < 4; quarter++) {
    const v128_t first = sum[2 * quarter];
    const v128_t second = sum[2 * quarter + 1];
    const v128_t four = wasm_i32x4_add(wasm_i32x4_shuffle(first, second, 0, 2, 4, 6),
                                       wasm_i32x4_shuffle(first, second, 1, 3, 5, 7));
    wasm_v128_store(sums + 4 * quarter, wasm_i32x4_add(four, wasm_v128_load(bias + 4 * quarter)));
  }
}
#else
static void PREFIX_panel_wasm(const int8_t *weights, const int32_t *bias, int32_t columns,
                              const int8_t *input, int32_t *sums) {
  for (int32_t row = 0; row < 16; row++) {
    const int8_t *four = weights + 4 * row;
    int32_t sum = bias[row];
    for (int32_t column = 0; column < columns; column += 4) {
      sum += four[0] * input[column] + four[1] * input[column + 1] +
             four[2] * input[column + 2] + four[3] * input[column + 3];
      four += 64;
    }
    sums[row] = sum;
  }
}
#endif

static void PREFIX_sums_wasm(const int8_t *weights, const int32_t *bias, int32_t rows,
                             int32_t columns, const int8_t *input, int32_t *sums) {
  for (int32_t row = 0; row < rows; row += 16) {
    PREFIX_panel_wasm(weights, bias + row, columns, input, sums + row);
    weights += (columns + 3) / 4 * 64;
  }
}
