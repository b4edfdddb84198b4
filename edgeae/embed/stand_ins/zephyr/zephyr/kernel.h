/* Stands in for Zephyr's kernel.h: as much of it as an example of edgeae uses, over stdio. */
#ifndef EDGEAE_STAND_IN_KERNEL_H
#define EDGEAE_STAND_IN_KERNEL_H

#include <stdint.h>
#include <stdio.h>

/* Zephyr's build defines what Kconfig says for every file. */
#define CONFIG_ARCH_POSIX 1
#define CONFIG_BOARD "stand-in"

#define printk(...) ((void)printf(__VA_ARGS__))

uint32_t k_cycle_get_32(void);
int sys_clock_hw_cycles_per_sec(void);
void k_busy_wait(uint32_t usec_to_wait);

#endif
