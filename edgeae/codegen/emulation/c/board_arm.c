/* Start-up of a bare Cortex-M, and its counter: SysTick, whose ticks are a fixed number of
 * instructions under QEMU's option `-icount`. The loop that waits for a tick has 4 instructions.
 */
#include "board.h"

extern uint32_t board_data_from[], board_data_start[], board_data_end[];
extern uint32_t board_bss_start[], board_bss_end[], board_stack_top[];

void board_reset(void);
static void fault(void);

__attribute__((section(".vectors"), used)) static void (*const vectors[16])(void) = {
    (void (*)(void))board_stack_top, board_reset, fault, fault, fault, fault, fault};

static volatile uint32_t *const systick = (volatile uint32_t *)0xE000E010u;
static uint32_t previous, ticks[2];

intptr_t board_host(intptr_t operation, const void *argument) {
  register intptr_t r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

void board_exit(uint32_t status) {
  const uint32_t reason[2] = {0x20026, status}; /* the application's end */
  board_host(0x20, reason);
  for (;;) {
  }
}

static void fault(void) { board_exit(4); }

void board_nothing(void *arena, const void *input, void *output) {
  (void)arena;
  (void)input;
  (void)output;
}

/* Adds the ticks since the last call. */
static void counted(uint32_t value) {
  const uint32_t sum = ticks[0] + ((previous - value) & 0xFFFFFFu);
  ticks[1] += sum < ticks[0];
  ticks[0] = sum;
  previous = value;
}

/* Waits for the next tick and returns the turns of the loop. */
static uint32_t waited(void) {
  uint32_t loops = 0, value;
  const uint32_t before = systick[2];
  __asm__ volatile(
      ".syntax unified\n"
      "1: adds %0, #1\n"
      "   ldr %1, [%2, #8]\n"
      "   cmp %1, %3\n"
      "   beq 1b\n"
      : "+l"(loops), "=&l"(value)
      : "l"(systick), "l"(before)
      : "cc", "memory");
  counted(value);
  return loops;
}

void board_count_begin(void) {
  systick[1] = 0xFFFFFF;
  systick[2] = 0;
  systick[0] = 5; /* the core's clock, no interrupt */
  while (systick[2] == 0) {
  }
  waited();
  ticks[0] = 0;
  ticks[1] = 0;
}

void board_count_lap(void) { counted(systick[2]); }

struct board_count board_count_end(void) {
  struct board_count count;
  board_count_lap();
  count.loops = waited();
  count.ticks[0] = ticks[0];
  count.ticks[1] = ticks[1];
  return count;
}

void board_reset(void) {
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
  *(volatile uint32_t *)0xE000ED88u |= 0xFu << 20; /* CPACR: the FPU and Helium */
  __asm__ volatile("dsb\n isb");
#endif
  const uint32_t *from = board_data_from;
  for (uint32_t *to = board_data_start; to < board_data_end;) {
    *to++ = *from++;
  }
  for (uint32_t *to = board_bss_start; to < board_bss_end;) {
    *to++ = 0;
  }
  board_main();
}
