/* Lets a host run a model's parts over a serial line, and count what a run takes:
 * `edgeae verify BUNDLE --port PORT` and `edgeae bench BUNDLE --port PORT`.
 *
 * A port to a board is a `struct edgeae_serial_board` and a loop that calls `edgeae_serial_poll`.
 */
#ifndef EDGEAE_SERIAL_H
#define EDGEAE_SERIAL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a tick is. */
#define EDGEAE_TICK_NONE 0     /* the board has no counter; `tick` is never called */
#define EDGEAE_TICK_CYCLE 1    /* a cycle of the core, as the counter of DWT counts them */
#define EDGEAE_TICK_TIMER 2    /* a tick of a timer */
#define EDGEAE_TICK_EMULATED 3 /* a tick of an emulator, which is no time */

/* A board. Its counter counts up and begins again at 0. */
struct edgeae_serial_board {
  const char *name;          /* at most 255 bytes */
  int32_t (*get)(void);      /* returns the next byte, or -1 if none has arrived */
  void (*put)(uint8_t byte); /* sends a byte; waits until there is room for it */
  uint32_t (*tick)(void);    /* returns the counter */
  uint32_t tick_hz;          /* ticks in a second */
  uint8_t tick_kind;         /* what a tick is, see above */
  uint8_t tick_bits;         /* bits of the counter, 1 to 32 */
};

/* Takes the bytes that have arrived, and answers each complete request. */
void edgeae_serial_poll(const struct edgeae_serial_board *board);

/* --- the model; its file is generated --- */

/* A request as it arrives: kind, number, part, 0, four bytes of repeats, input, checksum. */
#define EDGEAE_SERIAL_INPUT 8
#define EDGEAE_SERIAL_FRAME(input_bytes) (EDGEAE_SERIAL_INPUT + (input_bytes) + 4)

struct edgeae_serial_part {
  const char *name;
  uint8_t sha256[8]; /* the first bytes of the hash of its .tflite */
  uint32_t input_bytes, output_bytes;
  void (*run)(void *arena, const void *input, void *output);
};

struct edgeae_serial_model {
  const char *name;
  uint32_t identity;
  const struct edgeae_serial_part *parts;
  uint8_t part_count;
  uint8_t *frame; /* holds a request; its input is aligned to 8 bytes */
  uint32_t frame_bytes;
  uint8_t *output;
  uint8_t *arena;
};

extern const struct edgeae_serial_model edgeae_serial_model;

#ifdef __cplusplus
}
#endif

#endif
