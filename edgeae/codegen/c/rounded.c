/* Rounds to the nearest integer, halves away from zero; what int16 cannot hold is clamped later. */
static int32_t PREFIX_rounded(double value) {
  if (value >= 65536.0 || value <= -65536.0) {
    return value > 0.0 ? 65536 : -65536;
  }
  const int32_t whole = (int32_t)value;
  const double rest = value - whole;
  return rest >= 0.5 ? whole + 1 : rest <= -0.5 ? whole - 1 : whole;
}
