/* RESIZE_BILINEAR of int16; places between values are counted in steps of 1/1024.
 * needs: clamp
 */
struct PREFIX_resize_bilinear_int16_layer {
  int32_t batches;
  int32_t height;
  int32_t width;
  int32_t channels;
  int32_t output_height;
  int32_t output_width;
  int32_t row_step;
  int32_t row_offset;
  int32_t column_step;
  int32_t column_offset;
};

static void PREFIX_resize_bilinear_int16(const struct PREFIX_resize_bilinear_int16_layer *layer,
                                         const int16_t *input, int16_t *output) {
  for (int32_t place = 0; place < layer->batches * layer->output_height; place++) {
    const int32_t batch = place / layer->output_height;
    const int32_t row = place % layer->output_height;
    const int32_t y = PREFIX_clamp(row * layer->row_step + layer->row_offset, 0,
                                   (layer->height - 1) * 1024);
    const int32_t below = y & 1023;
    const int32_t line = (batch * layer->height + (y >> 10)) * layer->width;
    for (int32_t column = 0; column < layer->output_width; column++) {
      const int32_t x = PREFIX_clamp(column * layer->column_step + layer->column_offset, 0,
                                     (layer->width - 1) * 1024);
      const int32_t right = x & 1023;
      const int16_t *upper = input + (line + (x >> 10)) * layer->channels;
      const int16_t *lower = below ? upper + layer->width * layer->channels : upper;
      const int32_t next = right ? layer->channels : 0;
      for (int32_t channel = 0; channel < layer->channels; channel++) {
        const int32_t high = upper[0] * (1024 - right) + upper[next] * right;
        const int32_t low = lower[0] * (1024 - right) + lower[next] * right;
        const int64_t sum = (int64_t)high * (1024 - below) + (int64_t)low * below;
        *output++ = (int16_t)((sum + (sum > 0 ? 1 << 19 : -(1 << 19))) / (1 << 20));
        upper++;
        lower++;
      }
    }
  }
}
