/* What the start-up file of a core provides to main.c, and the other way round. */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

struct board_count {
  uint32_t ticks[2]; /* low and high word */
  uint32_t loops;    /* turns of the last loop, which waited for a tick */
};

/* Calls the host; ARM's "Semihosting for AArch32 and AArch64" names operations and arguments. */
intptr_t board_host(intptr_t operation, const void *argument);
/* Starts the counter. */
void board_count_begin(void);
/* Adds what the counter has counted; at least once in 2^24 ticks. */
void board_count_lap(void);
/* Returns what was counted since `board_count_begin`. */
struct board_count board_count_end(void);
/* Has a body in another file, so that its calls are those of any function; see main.c. */
void board_nothing(void *arena, const void *input, void *output);

/* Ends the emulator; a status other than 0 is a failure. */
void board_exit(uint32_t status);
/* In main.c: what the start-up ends with. */
void board_main(void);

#endif
