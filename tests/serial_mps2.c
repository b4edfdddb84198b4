/* The port to QEMU's boards mps2-an386 and mps2-an500: CMSDK's UART, and SysTick as the counter. */
#include "edgeae_serial.h"

static volatile uint32_t *const uart = (volatile uint32_t *)0x40004000u;
static volatile uint32_t *const systick = (volatile uint32_t *)0xE000E010u;

static int32_t get(void) {
  return uart[1] & 2u ? (int32_t)(uart[0] & 0xFFu) : -1; /* STATE: a byte has arrived */
}

static void put(uint8_t byte) {
  while (uart[1] & 1u) { /* STATE: no room */
  }
  uart[0] = byte;
}

/* SysTick counts down from 2^24 - 1. */
static uint32_t tick(void) { return 0xFFFFFFu - systick[2]; }

static const struct edgeae_serial_board board = {
    "qemu mps2", get, put, tick, 25000000u, EDGEAE_TICK_EMULATED, 24};

void board_main(void);
void board_main(void) {
  uart[4] = 25000000u / 115200u; /* BAUDDIV */
  uart[2] = 3u;                  /* CTRL: send and receive */
  systick[1] = 0xFFFFFFu;
  systick[2] = 0;
  systick[0] = 5u; /* the core's clock, no interrupt */
  for (;;) {
    edgeae_serial_poll(&board);
  }
}
