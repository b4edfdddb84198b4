/* What the generated `jni.c` asks of JNI, for compilers without a JDK or an NDK. The functions lie at
 * the places of the table in the specification of JNI, version 6; a test holds them to the JDK's. */
#ifndef STAND_IN_JNI_H
#define STAND_IN_JNI_H

#include <stdint.h>

#define JNIEXPORT __attribute__((visibility("default")))
#define JNICALL

typedef int32_t jint, jsize;
typedef int64_t jlong;
typedef int8_t jbyte;
typedef int16_t jshort;
typedef float jfloat;
typedef uint8_t jboolean;
typedef void *jobject, *jclass, *jbyteArray, *jshortArray, *jfloatArray;

struct JNINativeInterface_;
typedef const struct JNINativeInterface_ *JNIEnv;

struct JNINativeInterface_ {
  void *before_200[200];
  void (*GetByteArrayRegion)(JNIEnv *, jbyteArray, jsize, jsize, jbyte *);
  void *at_201;
  void (*GetShortArrayRegion)(JNIEnv *, jshortArray, jsize, jsize, jshort *);
  void *at_203[2];
  void (*GetFloatArrayRegion)(JNIEnv *, jfloatArray, jsize, jsize, jfloat *);
  void *at_206[2];
  void (*SetByteArrayRegion)(JNIEnv *, jbyteArray, jsize, jsize, const jbyte *);
  void *at_209;
  void (*SetShortArrayRegion)(JNIEnv *, jshortArray, jsize, jsize, const jshort *);
  void *at_211[2];
  void (*SetFloatArrayRegion)(JNIEnv *, jfloatArray, jsize, jsize, const jfloat *);
  void *at_214[14];
  jboolean (*ExceptionCheck)(JNIEnv *);
  void *at_229;
  void *(*GetDirectBufferAddress)(JNIEnv *, jobject);
};

#endif
