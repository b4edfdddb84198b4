/* RESIZE_BILINEAR of float32.
 * needs: limit
 */
struct PREFIX_resize_bilinear_float32_layer {
  int32_t batches;
  int32_t height;
  int32_t width;
  int32_t channels;
  int32_t output_height;
  int32_t output_width;
  float row_step;
  float row_offset;
  float column_step;
  float column_offset;
};

static void PREFIX_resize_bilinear_float32(const struct PREFIX_resize_bilinear_float32_layer *layer,
                                           const float *input, float *output) {
  for (int32_t place = 0; place < layer->batches * layer->output_height; place++) {
    const int32_t batch = place / layer->output_height;
    const int32_t row = place % layer->output_height;
    const float y = PREFIX_limit((float)row * layer->row_step + layer->row_offset, 0.0f,
                                 (float)(layer->height - 1));
    const float below = y - (float)(int32_t)y;
    const int32_t line = (batch * layer->height + (int32_t)y) * layer->width;
    for (int32_t column = 0; column < layer->output_width; column++) {
      const float x = PREFIX_limit((float)column * layer->column_step + layer->column_offset, 0.0f,
                                   (float)(layer->width - 1));
      const float right = x - (float)(int32_t)x;
      const float *upper = input + (line + (int32_t)x) * layer->channels;
      const float *lower = below > 0.0f ? upper + layer->width * layer->channels : upper;
      const int32_t next = right > 0.0f ? layer->channels : 0;
      for (int32_t channel = 0; channel < layer->channels; channel++) {
        const float high = upper[0] * (1.0f - right) + upper[next] * right;
        const float low = lower[0] * (1.0f - right) + lower[next] * right;
        *output++ = high * (1.0f - below) + low * below;
        upper++;
        lower++;
      }
    }
  }
}
