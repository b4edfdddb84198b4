/* Stands in for the Arduino core: as much of it as an example of edgeae uses, over stdio. */
#ifndef EDGEAE_STAND_IN_ARDUINO_H
#define EDGEAE_STAND_IN_ARDUINO_H

#include <stdint.h>
#include <stdio.h>

#ifndef ARDUINO
#define ARDUINO 10800
#endif

void setup();
void loop();

class StandInSerial {
 public:
  void begin(unsigned long) {}
  explicit operator bool() const { return true; }
  size_t print(const char *text) { return count(printf("%s", text)); }
  size_t print(long value) { return count(printf("%ld", value)); }
  size_t println(const char *text) { return count(printf("%s\r\n", text)); }

 private:
  static size_t count(int written) { return written < 0 ? 0u : static_cast<size_t>(written); }
};

extern StandInSerial Serial;

#endif
