/* The functions of a C library that generated C calls; library.c has them. */
float expf(float x);
float tanhf(float x);
