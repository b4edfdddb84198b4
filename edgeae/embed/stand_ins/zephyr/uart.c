/* Stands in for a board of Zephyr: its console's UART is standard input and output. */
#include "../line.h"

#include <zephyr/drivers/uart.h>
#include <zephyr/kernel.h>

const struct device stand_in_console = {"console"};

bool device_is_ready(const struct device *dev) { return dev == &stand_in_console; }

int uart_poll_in(const struct device *dev, unsigned char *p_char) {
  const int byte = device_is_ready(dev) ? line_get(0) : -1;
  if (byte < 0) {
    return -1;
  }
  *p_char = (unsigned char)byte;
  return 0;
}

void uart_poll_out(const struct device *dev, unsigned char out_char) {
  if (device_is_ready(dev)) {
    line_put(out_char);
  }
}

uint32_t k_cycle_get_32(void) { return (uint32_t)line_nanoseconds(); }

int sys_clock_hw_cycles_per_sec(void) { return 1000000000; }

void k_busy_wait(uint32_t usec_to_wait) {
  const struct timespec wait = {0, (long)usec_to_wait * 1000};
  nanosleep(&wait, NULL);
}
