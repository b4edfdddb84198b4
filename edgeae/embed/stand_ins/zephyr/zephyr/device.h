/* Stands in for Zephyr's device.h: one device, which a node of the devicetree names. */
#ifndef EDGEAE_STAND_IN_DEVICE_H
#define EDGEAE_STAND_IN_DEVICE_H

#include <stdbool.h>

struct device {
  const char *name;
};

#define DT_CHOSEN(prop) DT_CHOSEN_##prop
#define DT_CHOSEN_zephyr_console stand_in_console
#define DEVICE_DT_GET(node_id) (&node_id)

extern const struct device stand_in_console;

bool device_is_ready(const struct device *dev);

#endif
