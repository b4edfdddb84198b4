/* MEAN of int16: two loops over the axes that are kept, two over those that are averaged.
 * needs: rescale_twice clamp
 */
struct PREFIX_mean_int16_layer {
  int32_t kept_outer;
  int32_t kept_outer_step;
  int32_t kept_inner;
  int32_t kept_inner_step;
  int32_t averaged_outer;
  int32_t averaged_outer_step;
  int32_t averaged_inner;
  int32_t averaged_inner_step;
  int32_t count; /* of values that are averaged */
  int32_t multiplier;
  int32_t shift;
  int32_t input_zero_point;
  int32_t zero_point;
};

static void PREFIX_mean_int16(const struct PREFIX_mean_int16_layer *layer, const int16_t *input,
                              int16_t *output) {
  for (int32_t kept = 0; kept < layer->kept_outer; kept++) {
    for (int32_t place = 0; place < layer->kept_inner; place++) {
      const int16_t *values = input + kept * layer->kept_outer_step + place * layer->kept_inner_step;
      int32_t sum = -layer->count * layer->input_zero_point;
      for (int32_t outer = 0; outer < layer->averaged_outer; outer++) {
        for (int32_t inner = 0; inner < layer->averaged_inner; inner++) {
          sum += values[outer * layer->averaged_outer_step + inner * layer->averaged_inner_step];
        }
      }
      sum = PREFIX_rescale_twice(sum, layer->multiplier, layer->shift) + layer->zero_point;
      *output++ = (int16_t)PREFIX_clamp(sum, -32768, 32767);
    }
  }
}
