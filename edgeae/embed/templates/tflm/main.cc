// Runs each part in the interpreter on its golden vectors, whose outputs are those of LiteRT's
// reference kernels. Prints PASS if no value is further off than `limit` and no larger share of the
// values than `share` differs; the README says why any do.
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"

$includes

namespace {

alignas(16) uint8_t arena[$arena];

template <typename Input, typename Output>
bool check(const char *part, const unsigned char *model, const tflite::MicroOpResolver &resolver,
           size_t arena_bytes, const Input *inputs, size_t input_size, const Output *outputs,
           size_t output_size, int count, double limit, double share) {
  tflite::MicroInterpreter interpreter(tflite::GetModel(model), resolver, arena, arena_bytes);
  if (interpreter.AllocateTensors() != kTfLiteOk) {
    printf("%s: no interpreter: AllocateTensors() failed, with an arena of %lu bytes\n", part,
           static_cast<unsigned long>(arena_bytes));
    return false;
  }
  long other = 0, far = 0;
  double furthest = 0;
  for (int vector = 0; vector < count; vector++) {
    memcpy(interpreter.input(0)->data.raw, inputs + vector * input_size,
           input_size * sizeof(Input));
    if (interpreter.Invoke() != kTfLiteOk) {
      printf("%s: Invoke() failed\n", part);
      return false;
    }
    Output answers[$largest];
    memcpy(answers, interpreter.output(0)->data.raw, output_size * sizeof(Output));
    for (size_t index = 0; index < output_size; index++) {
      const double difference = static_cast<double>(answers[index]) -
                                static_cast<double>(outputs[vector * output_size + index]);
      const double off = difference < 0 ? -difference : difference;
      other += off > 0;
      far += !(off <= limit);
      furthest = off > furthest ? off : furthest;
    }
  }
  const long values = static_cast<long>(output_size) * count;
  printf("%s: %ld of %ld values differ, the furthest by %g, allowed %g; arena %lu bytes, used %lu\n",
         part, other, values, furthest, limit, static_cast<unsigned long>(arena_bytes),
         static_cast<unsigned long>(interpreter.arena_used_bytes()));
  return far == 0 && static_cast<double>(other) <= share * static_cast<double>(values) + 1;
}

}  // namespace

int main() {
  bool passed = true;
$checks
  puts(passed ? "PASS" : "FAIL");
  return passed ? 0 : 1;
}
