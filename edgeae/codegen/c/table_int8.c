/* A function of one int8 value by a table; index 0 is the value -128. */
struct PREFIX_table_int8_layer {
  const int8_t *table;
  int32_t size;
};

static void PREFIX_table_int8(const struct PREFIX_table_int8_layer *layer, const int8_t *input,
                              int8_t *output) {
  for (int32_t index = 0; index < layer->size; index++) {
    output[index] = layer->table[input[index] + 128];
  }
}
