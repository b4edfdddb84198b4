// Stands in for TensorFlow Lite Micro: its names, with generated C where its kernels would be.
#ifndef EDGEAE_STAND_IN_TFLM_H
#define EDGEAE_STAND_IN_TFLM_H

#include <stddef.h>
#include <stdint.h>

enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };

struct TfLiteTensor {
  union {
    void *raw;
  } data;
  size_t bytes;
};

// What runs where the interpreter would: `run` of the part whose model is `model`.
struct StandInPart {
  const unsigned char *model;
  size_t input_bytes;
  size_t output_bytes;
  size_t arena_bytes;
  int operators;
  void (*run)(void *arena, const void *input, void *output);
};

extern const StandInPart stand_in_parts[];
extern const int stand_in_count;

namespace tflite {

struct Model;

inline const Model *GetModel(const void *bytes) { return static_cast<const Model *>(bytes); }

class MicroOpResolver {
 public:
  int registered() const { return registered_; }

 protected:
  TfLiteStatus Add(unsigned int size) {
    if (registered_ >= static_cast<int>(size)) {
      return kTfLiteError;
    }
    registered_++;
    return kTfLiteOk;
  }

 private:
  int registered_ = 0;
};

template <unsigned int size>
class MicroMutableOpResolver : public MicroOpResolver {
 public:
#define EDGEAE_METHOD(name) \
  TfLiteStatus name() { return Add(size); }
#include "methods.h"
#undef EDGEAE_METHOD
};

class MicroInterpreter {
 public:
  MicroInterpreter(const Model *model, const MicroOpResolver &resolver, uint8_t *arena,
                   size_t arena_bytes)
      : part_(Found(model)), resolver_(resolver), arena_(arena), arena_bytes_(arena_bytes) {}

  TfLiteStatus AllocateTensors() {
    if (part_ == nullptr || resolver_.registered() != part_->operators ||
        arena_used_bytes() > arena_bytes_) {
      return kTfLiteError;
    }
    input_.data.raw = arena_;
    input_.bytes = part_->input_bytes;
    output_.data.raw = arena_ + Aligned(part_->input_bytes);
    output_.bytes = part_->output_bytes;
    return kTfLiteOk;
  }

  TfLiteStatus Invoke() {
    uint8_t *rest = arena_ + Aligned(part_->input_bytes) + Aligned(part_->output_bytes);
    part_->run(rest, input_.data.raw, output_.data.raw);
    return kTfLiteOk;
  }

  TfLiteTensor *input(size_t) { return &input_; }
  TfLiteTensor *output(size_t) { return &output_; }

  size_t arena_used_bytes() const {
    return Aligned(part_->input_bytes) + Aligned(part_->output_bytes) + part_->arena_bytes;
  }

 private:
  static size_t Aligned(size_t bytes) { return (bytes + 15) / 16 * 16; }

  static const StandInPart *Found(const Model *model) {
    for (int index = 0; index < stand_in_count; index++) {
      if (static_cast<const void *>(stand_in_parts[index].model) == model) {
        return &stand_in_parts[index];
      }
    }
    return nullptr;
  }

  const StandInPart *part_;
  const MicroOpResolver &resolver_;
  uint8_t *arena_;
  size_t arena_bytes_;
  TfLiteTensor input_;
  TfLiteTensor output_;
};

}  // namespace tflite

#endif
