/* Returns a stored weight as the factor that it is. */
static FACTOR_T PREFIX_value_TYPE(WEIGHT_T stored) { return stored; }
