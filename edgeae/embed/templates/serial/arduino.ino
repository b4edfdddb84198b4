// Answers `edgeae verify` and `edgeae bench` over the serial port; its ticks are microseconds.
#include "edgeae_serial.h"

static int32_t get() { return Serial.read(); }
static void put(uint8_t byte) { Serial.write(byte); }
static uint32_t tick() { return micros(); }

static const struct edgeae_serial_board board = {
    "arduino", get, put, tick, 1000000, EDGEAE_TICK_TIMER, 32};

void setup() { Serial.begin(115200); }
void loop() { edgeae_serial_poll(&board); }
