  {
    ${part}_resolver resolver;
    passed &= ${part}_add_operators(resolver) == kTfLiteOk;
    passed &= check("${part}", ${part}_model, resolver, ${part}_arena_bytes, ${part}_golden_input,
                    ${input_size}, ${part}_golden_output, ${output_size}, ${upper}_GOLDEN_COUNT,
                    ${limit}, ${share});
  }
