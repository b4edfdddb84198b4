// What an interpreter of TensorFlow Lite Micro needs to run ${part}.
#ifndef ${upper}_TFLM_H
#define ${upper}_TFLM_H

#include <stddef.h>

#include "${part}_model.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"

// An estimate from above, of which $planned bytes are activations; it was not measured. After
// AllocateTensors(), arena_used_bytes() of the interpreter returns what this build keeps. While it
// prepares the layers it needs up to $prepared bytes more; with less, it may fail or crash.
constexpr size_t ${part}_arena_bytes = $arena;

using ${part}_resolver = tflite::MicroMutableOpResolver<$count>;

// Registers the operators of the model and no others.
inline TfLiteStatus ${part}_add_operators(${part}_resolver &resolver) {
$adds
  return kTfLiteOk;
}

#endif
