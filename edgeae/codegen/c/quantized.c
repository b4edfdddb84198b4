/* Returns a real value as an integer: steps of the scale to the nearest, halves away from 0.
 * needs: clamp
 * NaN gives the lowest integer; from 131072 steps on, the result is the end of the range.
 */
static int32_t PREFIX_quantized(float value, float scale, int32_t zero_point, int32_t low,
                                int32_t high) {
  const float steps = value / scale;
  if (!(steps > -131072.0f)) {
    return low;
  }
  if (steps > 131072.0f) {
    return high;
  }
  const int32_t whole = (int32_t)steps;
  const float rest = steps - (float)whole;
  return PREFIX_clamp(whole + (rest >= 0.5f) - (rest <= -0.5f) + zero_point, low, high);
}
