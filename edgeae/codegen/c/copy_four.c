/* Copies four bytes, of any alignment, in two instructions where the core can. */
static void PREFIX_copy_four(int8_t *target, const int8_t *source) {
#if defined(__GNUC__)
  __builtin_memcpy(target, source, 4);
#else
  for (int32_t byte = 0; byte < 4; byte++) {
    target[byte] = source[byte];
  }
#endif
}
