/* Reads the table of the sigmoid between its values, which are 2^bits steps apart. */
static int32_t PREFIX_sigmoid_steps(const uint16_t *table, int32_t step, int32_t bits) {
  const int32_t low = table[step >> bits];
  const int32_t high = table[(step >> bits) + 1];
  return low * (1 << bits) + (step & ((1 << bits) - 1)) * (high - low);
}
