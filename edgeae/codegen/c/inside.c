/* Limits the edge of a window to 0 ... size. */
static int32_t PREFIX_inside(int32_t edge, int32_t size) {
  return edge < 0 ? 0 : edge > size ? size : edge;
}
