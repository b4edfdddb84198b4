
/* What a call of $name needs. */
struct ${name}_memory {
  $input_type input[${upper}_INPUT_SIZE];
  $output_type output[${upper}_OUTPUT_SIZE];
  uint8_t arena[$arena];
};

JNIEXPORT jint JNICALL Java_${jni_package}_Native_${part}MemoryBytes(JNIEnv *env, jclass type) {
  (void)env;
  (void)type;
  return (jint)sizeof(struct ${name}_memory);
}

JNIEXPORT void JNICALL Java_${jni_package}_Native_${part}Run(
    JNIEnv *env, jclass type, jobject buffer, j${input_java}Array input,
    j${output_java}Array output) {
  struct ${name}_memory *memory = (*env)->GetDirectBufferAddress(env, buffer);
  (void)type;
  (*env)->Get${Input}ArrayRegion(
      env, input, 0, ${upper}_INPUT_SIZE, (j${input_java} *)memory->input);
  if ((*env)->ExceptionCheck(env)) {
    return;
  }
  ${name}_run(memory->arena, memory->input, memory->output);
  (*env)->Set${Output}ArrayRegion(
      env, output, 0, ${upper}_OUTPUT_SIZE, (const j${output_java} *)memory->output);
}
