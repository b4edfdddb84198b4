/* An example of a port: a board that is a program of this machine. Its line is standard input and
 * output, its counter the clock of the system. A real board needs the same three functions.
 */
#define _POSIX_C_SOURCE 199309L

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "edgeae_serial.h"

/* Waits for a byte; a board may return -1 instead. The end of the input ends the program. */
static int32_t get(void) {
  uint8_t byte;
  fflush(stdout);
  if (read(STDIN_FILENO, &byte, 1) != 1) {
    exit(0);
  }
  return byte;
}

static void put(uint8_t byte) { putchar(byte); }

static uint32_t tick(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint32_t)((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec);
}

static const struct edgeae_serial_board board = {
    "program", get, put, tick, 1000000000u, EDGEAE_TICK_TIMER, 32};

int main(void) {
  for (;;) {
    edgeae_serial_poll(&board);
  }
}
