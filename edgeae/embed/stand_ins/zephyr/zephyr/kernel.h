/* Stands in for Zephyr's kernel.h: as much of it as an example of edgeae uses, over stdio. */
#ifndef EDGEAE_STAND_IN_KERNEL_H
#define EDGEAE_STAND_IN_KERNEL_H

#include <stdio.h>

#define printk(...) ((void)printf(__VA_ARGS__))

#endif
