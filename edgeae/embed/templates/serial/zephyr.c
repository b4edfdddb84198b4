/* Answers `edgeae verify` and `edgeae bench` over the console's UART, by Zephyr's cycle counter. */
#include <zephyr/device.h>
#include <zephyr/drivers/uart.h>
#include <zephyr/kernel.h>

#include "edgeae_serial.h"

static const struct device *const uart = DEVICE_DT_GET(DT_CHOSEN(zephyr_console));

static int32_t get(void) {
  unsigned char byte;
  if (uart_poll_in(uart, &byte) == 0) {
    return byte;
  }
#ifdef CONFIG_ARCH_POSIX
  k_busy_wait(100); /* the simulator's time passes in no other way */
#endif
  return -1;
}

static void put(uint8_t byte) { uart_poll_out(uart, byte); }

/* On some cores it counts the core's cycles, on others those of a slower timer. */
static uint32_t tick(void) { return k_cycle_get_32(); }

int main(void) {
  const struct edgeae_serial_board board = {
      CONFIG_BOARD, get, put, tick, (uint32_t)sys_clock_hw_cycles_per_sec(), EDGEAE_TICK_TIMER, 32};
  if (!device_is_ready(uart)) {
    return 1;
  }
  for (;;) {
    edgeae_serial_poll(&board);
  }
}
