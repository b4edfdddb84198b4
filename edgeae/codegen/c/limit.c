/* Limits a float to low ... high. */
static float PREFIX_limit(float value, float low, float high) {
  return value < low ? low : value > high ? high : value;
}
