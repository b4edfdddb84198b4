/* Runs a generated part on the inputs of a file, counts, and writes outputs and figures to files.
 *
 * Defined by the build: PART_HEADER, PART_RUN and PART_ARENA_BYTES (names of the part), INPUTS
 * (number of inputs), INPUT_BYTES, OUTPUT_BYTES, REPEATS (calls an input), OFFSET (bytes between an
 * aligned address and each buffer).
 */
#include "board.h"

#include PART_HEADER

#define GUARD_BYTES 32
#define PAINT 0xA5A5A5A5u
#define OPEN_READ 1  /* "rb" */
#define OPEN_WRITE 5 /* "wb" */
#define BUFFER(name, size) \
  static uint8_t name[OFFSET + (size) + GUARD_BYTES] __attribute__((aligned(16)))

BUFFER(board_arena, PART_ARENA_BYTES);
BUFFER(board_input, INPUT_BYTES);
BUFFER(board_output, OUTPUT_BYTES);

extern uint32_t board_stack_low[];

static __attribute__((noinline)) void call_part(void) {
  PART_RUN((void *)(board_arena + OFFSET), (const void *)(board_input + OFFSET),
           (void *)(board_output + OFFSET));
}

/* The same call of an empty function: what `call_part` takes without the part. */
static __attribute__((noinline)) void call_nothing(void) {
  board_nothing((void *)(board_arena + OFFSET), (const void *)(board_input + OFFSET),
                (void *)(board_output + OFFSET));
}

static intptr_t opened(const char *name, uintptr_t length, uintptr_t mode) {
  const uintptr_t argument[3] = {(uintptr_t)name, mode, length};
  const intptr_t file = board_host(0x01, argument);
  if (file == -1) {
    board_exit(2);
  }
  return file;
}

/* Reads (0x06) or writes (0x05) bytes. */
static void moved(intptr_t operation, intptr_t file, void *bytes, uintptr_t size) {
  const uintptr_t argument[3] = {(uintptr_t)file, (uintptr_t)bytes, size};
  if (board_host(operation, argument) != 0) {
    board_exit(3);
  }
}

static void closed(intptr_t file) {
  const uintptr_t argument[1] = {(uintptr_t)file};
  board_host(0x02, argument);
}

/* Counts the calls for all inputs, and writes the outputs to a file. */
static struct board_count counted(void (*volatile call)(void)) {
  const intptr_t source = opened("inputs", 6, OPEN_READ);
  const intptr_t target = opened("outputs", 7, OPEN_WRITE);
  board_count_begin();
  for (int32_t place = 0; place < INPUTS; place++) {
    moved(0x06, source, board_input + OFFSET, INPUT_BYTES);
    for (int32_t turn = 0; turn < REPEATS; turn++) {
      call();
      board_count_lap();
    }
    moved(0x05, target, board_output + OFFSET, OUTPUT_BYTES);
  }
  const struct board_count count = board_count_end();
  closed(source);
  closed(target);
  return count;
}

/* Returns the bytes below the stack pointer that a call uses. */
static __attribute__((noinline)) uint32_t stack_bytes(void (*volatile call)(void)) {
  uint32_t *top;
#ifdef __riscv
  __asm__ volatile("mv %0, sp" : "=r"(top));
#else
  __asm__ volatile("mov %0, sp" : "=r"(top));
#endif
  volatile uint32_t *word = board_stack_low;
  while (word < top) {
    *word++ = PAINT;
  }
  call();
  word = board_stack_low;
  while (word < top && *word == PAINT) {
    word++;
  }
  return (uint32_t)((uintptr_t)top - (uintptr_t)word);
}

static void painted(uint8_t *bytes, uint32_t size) {
  for (uint32_t place = 0; place < size; place++) {
    bytes[place] = 0xA5;
  }
}

static uint32_t intact(const uint8_t *bytes, uint32_t size) {
  uint32_t same = 1;
  for (uint32_t place = 0; place < size; place++) {
    same &= bytes[place] == 0xA5;
  }
  return same;
}

/* Returns the largest stack of the first inputs' calls. */
static uint32_t deepest(void (*volatile call)(void)) {
  uint32_t most = 0;
  const intptr_t source = opened("inputs", 6, OPEN_READ);
  for (int32_t place = 0; place < INPUTS && place < 8; place++) {
    moved(0x06, source, board_input + OFFSET, INPUT_BYTES);
    const uint32_t used = stack_bytes(call);
    most = used > most ? used : most;
  }
  closed(source);
  return most;
}

void board_main(void) {
  struct {
    struct board_count nothing, part;
    uint32_t stack_nothing, stack_part, arena_bytes, guards;
  } figures;
  painted(board_arena, sizeof board_arena);
  painted(board_output + OFFSET + OUTPUT_BYTES, GUARD_BYTES);
  figures.nothing = counted(call_nothing);
  figures.part = counted(call_part);
  figures.stack_nothing = deepest(call_nothing);
  figures.stack_part = deepest(call_part);
  figures.arena_bytes = PART_ARENA_BYTES;
  figures.guards = intact(board_arena + OFFSET + PART_ARENA_BYTES, GUARD_BYTES) &
                   intact(board_arena, OFFSET) &
                   intact(board_output + OFFSET + OUTPUT_BYTES, GUARD_BYTES);
  const intptr_t file = opened("figures", 7, OPEN_WRITE);
  moved(0x05, file, &figures, sizeof figures);
  closed(file);
  board_exit(0);
}
