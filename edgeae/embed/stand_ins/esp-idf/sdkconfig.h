/* Stands in for the sdkconfig.h that ESP-IDF's build writes; `linux` is a target of ESP-IDF. */
#ifndef EDGEAE_STAND_IN_SDKCONFIG_H
#define EDGEAE_STAND_IN_SDKCONFIG_H

#define CONFIG_ESP_DEFAULT_CPU_FREQ_MHZ 160
#define CONFIG_FREERTOS_HZ 100
#define CONFIG_IDF_TARGET "linux"

#endif
