/* The vectors of x86-64; without AVX2 the kernels are plain C. */
#if defined(__AVX2__)
#include <immintrin.h>
#endif
