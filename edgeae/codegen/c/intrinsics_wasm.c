/* The vectors of WebAssembly; elsewhere the kernels are plain C. */
#if defined(__wasm_simd128__)
#include <wasm_simd128.h>
#endif
