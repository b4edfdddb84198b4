
/* `expected` lies where the output would: the score needs no buffer for that. */
JNIEXPORT $result JNICALL Java_${jni_package}_Native_${part}Score(
    JNIEnv *env, jclass type, jobject buffer, j${input_java}Array input,
    j${output_java}Array expected) {
  struct ${name}_memory *memory = (*env)->GetDirectBufferAddress(env, buffer);
  (void)type;
  (*env)->Get${Input}ArrayRegion(
      env, input, 0, ${upper}_INPUT_SIZE, (j${input_java} *)memory->input);
  if ((*env)->ExceptionCheck(env)) {
    return 0;
  }
  (*env)->Get${Output}ArrayRegion(
      env, expected, 0, ${upper}_OUTPUT_SIZE, (j${output_java} *)memory->output);
  if ((*env)->ExceptionCheck(env)) {
    return 0;
  }
  return ($result)${name}_score(memory->arena, memory->input, memory->output);
}
