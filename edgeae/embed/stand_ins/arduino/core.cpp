/* Stands in for the Arduino core's main(): the sketch runs once. */
#include "Arduino.h"

StandInSerial Serial;

int main() {
  setup();
  loop();
  return 0;
}
