/* A serial line of this machine, for stand-ins: standard input and output, and a clock. */
#ifndef EDGEAE_STAND_IN_LINE_H
#define EDGEAE_STAND_IN_LINE_H

#define _POSIX_C_SOURCE 199309L

#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Returns the next byte, or -1 if none arrives in time. The end of the input ends the program. */
static int line_get(int wait_ms) {
  struct pollfd input = {STDIN_FILENO, POLLIN, 0};
  unsigned char byte;
  if (poll(&input, 1, wait_ms) == 0) {
    return -1;
  }
  if (read(STDIN_FILENO, &byte, 1) != 1) {
    exit(0);
  }
  return byte;
}

static void line_put(unsigned char byte) {
  if (write(STDOUT_FILENO, &byte, 1) != 1) {
    exit(1);
  }
}

static uint64_t line_nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#endif
