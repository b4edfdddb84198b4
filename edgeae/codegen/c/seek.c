/* Adds to two offsets where a row begins. The outer axes have an extent and two strides each, the
 * innermost axis first.
 */
static void PREFIX_seek(const int32_t *axes, int32_t outer, int32_t row, int32_t *first,
                        int32_t *second) {
  for (int32_t axis = 0; axis < outer; axis++) {
    const int32_t place = row % axes[0];
    row /= axes[0];
    *first += place * axes[1];
    *second += place * axes[2];
    axes += 3;
  }
}
