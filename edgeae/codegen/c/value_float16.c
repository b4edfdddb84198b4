/* Returns a stored weight as the factor that it is.
 * needs: half
 */
static float PREFIX_value_float16(uint16_t stored) { return PREFIX_half(stored); }
