/* What generated C, and a compiler, take from a C library; what is not called is not linked. */
#include <stddef.h>
#include <stdint.h>

#include "math.h"

void *memcpy(void *restrict target, const void *restrict source, size_t size) {
  uint8_t *to = target;
  const uint8_t *from = source;
  while (size-- > 0) {
    *to++ = *from++;
  }
  return target;
}

void *memmove(void *target, const void *source, size_t size) {
  uint8_t *to = target;
  const uint8_t *from = source;
  if (to <= from) {
    return memcpy(target, source, size); /* which goes up */
  }
  while (size-- > 0) {
    to[size] = from[size];
  }
  return target;
}

void *memset(void *target, int value, size_t size) {
  uint8_t *to = target;
  while (size-- > 0) {
    *to++ = (uint8_t)value;
  }
  return target;
}

/* e^x for -746 < x < 746: 2^steps times the series of a rest of at most ln 2 / 2, whose last term
 * is below 7e-12. */
static double exponential(double x) {
  const double scaled = x * 1.4426950408889634;
  const int32_t steps = (int32_t)(scaled < 0.0 ? scaled - 0.5 : scaled + 0.5);
  const double rest = x - steps * 0.6931471805599453;
  double sum = 1.0;
  for (int32_t term = 9; term > 0; term--) {
    sum = 1.0 + sum * rest / term;
  }
  union {
    uint64_t bits;
    double value;
  } power = {(uint64_t)(steps + 1023) << 52};
  return sum * power.value;
}

float expf(float x) {
  if (x != x) {
    return x;
  }
  /* beyond these, a float is infinite or 0 */
  return (float)exponential(x > 89.0f ? 89.0 : x < -104.0f ? -104.0 : (double)x);
}

float tanhf(float x) {
  if (x != x || (x < 1e-4f && x > -1e-4f)) {
    return x; /* less than half a step beside it */
  }
  const double limited = x > 10.0f ? 10.0 : x < -10.0f ? -10.0 : (double)x;
  return (float)(1.0 - 2.0 / (exponential(2.0 * limited) + 1.0));
}
