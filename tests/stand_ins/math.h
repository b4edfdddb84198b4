/* The functions of libm that generated C calls, for compilers without a C library. */
float expf(float);
float tanhf(float);
