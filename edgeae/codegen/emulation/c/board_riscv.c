/* Start-up of a bare RV32 hart, and its counter: minstret, exact under QEMU's option `-icount`. */
#include "board.h"

/* The compiler finds its library only under an architecture without the counters' extension. */
#define ZICSR ".option arch, +zicsr\n"

extern uint32_t board_data_from[], board_data_start[], board_data_end[];
extern uint32_t board_bss_start[], board_bss_end[], board_stack_top[];

void board_reset(void);
static uint64_t start;

/* The three instructions mark a call of the host; they may not lie on two pages. */
__asm__(
    ".section .text.board_host, \"ax\"\n"
    ".balign 16\n"
    ".global board_host\n"
    "board_host:\n"
    ".option push\n"
    ".option norvc\n"
    "  slli zero, zero, 0x1f\n"
    "  ebreak\n"
    "  srai zero, zero, 7\n"
    ".option pop\n"
    "  ret\n");

void board_exit(uint32_t status) {
  const uint32_t reason[2] = {0x20026, status}; /* the application's end */
  board_host(0x20, reason);
  for (;;) {
  }
}

static __attribute__((aligned(4), used)) void fault(void) { board_exit(4); }

void board_nothing(void *arena, const void *input, void *output) {
  (void)arena;
  (void)input;
  (void)output;
}

static uint64_t instructions(void) {
  uint32_t low, high, again;
  do {
    __asm__ volatile(
        ZICSR
        "csrr %1, minstreth\n"
        "csrr %0, minstret\n"
        "csrr %2, minstreth\n"
        : "=r"(low), "=r"(high), "=r"(again));
  } while (high != again);
  return (uint64_t)high << 32 | low;
}

void board_count_begin(void) { start = instructions(); }

void board_count_lap(void) {}

struct board_count board_count_end(void) {
  const uint64_t passed = instructions() - start;
  const struct board_count count = {{(uint32_t)passed, (uint32_t)(passed >> 32)}, 0};
  return count;
}

static __attribute__((used)) void started(void) {
  __asm__ volatile(ZICSR "csrw mtvec, %0" : : "r"(fault));
  const uint32_t *from = board_data_from;
  for (uint32_t *to = board_data_start; to < board_data_end;) {
    *to++ = *from++;
  }
  for (uint32_t *to = board_bss_start; to < board_bss_end;) {
    *to++ = 0;
  }
  board_main();
}

__attribute__((naked, section(".vectors"))) void board_reset(void) {
  __asm__ volatile("la sp, board_stack_top\n j started");
}
