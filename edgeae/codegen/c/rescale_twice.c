/* Rescales a value with two roundings: a product in units of 2^-31 to the nearest, halves up, then
 * a division by 2^-shift to the nearest, halves away from 0. The shift is -31 to 30; above 0 the
 * value is multiplied by 2^shift first, which must not exceed 32 bits.
 */
static int32_t PREFIX_rescale_twice(int32_t value, int32_t multiplier, int32_t shift) {
  const int32_t left = shift > 0 ? shift : 0;
  const int32_t right = left - shift;
  const int64_t product = (int64_t)(value * ((int32_t)1 << left)) * multiplier;
  const int32_t high = (int32_t)((product + ((int64_t)1 << 30)) >> 31);
  const int32_t mask = (int32_t)(((uint32_t)1 << right) - 1);
  return (high >> right) + ((high & mask) > (mask >> 1) + (high < 0));
}
