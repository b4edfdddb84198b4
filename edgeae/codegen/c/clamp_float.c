/* Limits a value to low … high. */
static float PREFIX_clamp_float(float value, float low, float high) {
  return value < low ? low : value > high ? high : value;
}
