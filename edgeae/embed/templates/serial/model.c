/* The parts of $title, for edgeae_serial.h. */
#include "edgeae_serial.h"
$includes

$runs

/* One at a time is run, so the largest part decides. */
static union {
  uint64_t aligned;
  uint8_t bytes[EDGEAE_SERIAL_FRAME($input_bytes)];
} frame;
static union {
  uint64_t aligned;
  uint8_t bytes[$output_bytes];
} output;
static union {
  uint64_t aligned;
  uint8_t bytes[$arena_bytes];
} arena;

static const struct edgeae_serial_part parts[$count] = {
$parts
};

const struct edgeae_serial_model edgeae_serial_model = {
    "$name", $identity, parts, $count, frame.bytes, sizeof frame.bytes, output.bytes, arena.bytes};
