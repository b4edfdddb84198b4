/* The vectors of AArch64; elsewhere the kernels are plain C. */
#if defined(__ARM_NEON) && defined(__aarch64__) && !defined(__AARCH64EB__)
#include <arm_neon.h>
#endif
