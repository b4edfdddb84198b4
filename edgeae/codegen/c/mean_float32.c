/* MEAN of float32: two loops over the axes that are kept, two over those that are averaged. */
struct PREFIX_mean_float32_layer {
  int32_t kept_outer;
  int32_t kept_outer_step;
  int32_t kept_inner;
  int32_t kept_inner_step;
  int32_t averaged_outer;
  int32_t averaged_outer_step;
  int32_t averaged_inner;
  int32_t averaged_inner_step;
  int32_t count; /* of values that are averaged */
};

static void PREFIX_mean_float32(const struct PREFIX_mean_float32_layer *layer, const float *input,
                                float *output) {
  for (int32_t kept = 0; kept < layer->kept_outer; kept++) {
    for (int32_t place = 0; place < layer->kept_inner; place++) {
      const float *values = input + kept * layer->kept_outer_step + place * layer->kept_inner_step;
      float sum = 0.0f;
      for (int32_t outer = 0; outer < layer->averaged_outer; outer++) {
        for (int32_t inner = 0; inner < layer->averaged_inner; inner++) {
          sum += values[outer * layer->averaged_outer_step + inner * layer->averaged_inner_step];
        }
      }
      *output++ = sum / (float)layer->count;
    }
  }
}
