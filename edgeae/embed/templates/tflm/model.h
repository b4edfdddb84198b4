// The .tflite of ${part}, sha256 ${sha256}.
#ifndef ${upper}_MODEL_H
#define ${upper}_MODEL_H

alignas(16) extern const unsigned char ${part}_model[$bytes];

#endif
