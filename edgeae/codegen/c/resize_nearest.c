/* RESIZE_NEAREST_NEIGHBOR of any type: copies of pixels. */
struct PREFIX_resize_nearest_layer {
  const uint16_t *rows;
  const uint16_t *columns;
  int32_t batches;
  int32_t height;
  int32_t width;
  int32_t output_height;
  int32_t output_width;
  int32_t pixel_bytes;
};

static void PREFIX_resize_nearest(const struct PREFIX_resize_nearest_layer *layer, const void *input,
                                  void *output) {
  const int8_t *image = (const int8_t *)input;
  int8_t *target = (int8_t *)output;
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    for (int32_t row = 0; row < layer->output_height; row++) {
      for (int32_t column = 0; column < layer->output_width; column++) {
        const int32_t place = layer->rows[row] * layer->width + layer->columns[column];
        const int8_t *pixel = image + place * layer->pixel_bytes;
        for (int32_t index = 0; index < layer->pixel_bytes; index++) {
          *target++ = pixel[index];
        }
      }
    }
    image += layer->height * layer->width * layer->pixel_bytes;
  }
}
