/* Stands in for Zephyr's drivers/uart.h: the two functions that poll. */
#ifndef EDGEAE_STAND_IN_UART_H
#define EDGEAE_STAND_IN_UART_H

#include <zephyr/device.h>

/* Never waits: returns 0 if a byte had arrived, -1 if none had. */
int uart_poll_in(const struct device *dev, unsigned char *p_char);
void uart_poll_out(const struct device *dev, unsigned char out_char);

#endif
