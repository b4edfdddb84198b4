/* Stands in for ESP-IDF's esp_cpu.h: the counter of cycles. */
#ifndef EDGEAE_STAND_IN_ESP_CPU_H
#define EDGEAE_STAND_IN_ESP_CPU_H

#include <stdint.h>

typedef uint32_t esp_cpu_cycle_count_t;

esp_cpu_cycle_count_t esp_cpu_get_cycle_count(void);

#endif
