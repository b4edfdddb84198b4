// Runs the self-test of every part on its golden vectors and prints PASS if every value is right.
#include <${name}_check.h>

#ifdef ARDUINO
#include <Arduino.h>

static void report(const char *part, long wrong) {
  Serial.print(part);
  Serial.print(": ");
  Serial.print(wrong);
  Serial.println(" wrong values");
}

void setup() {
  Serial.begin(115200);
  while (!Serial) {
    // boards with USB of their own wait here for the monitor
  }
  Serial.println(${name}_check(report) ? "FAIL" : "PASS");
}

void loop() {}
#else
#include <stdio.h>

static void report(const char *part, long wrong) {
  printf("%s: %ld wrong values\n", part, wrong);
}

int main() {
  const int failed = ${name}_check(report);
  puts(failed ? "FAIL" : "PASS");
  return failed;
}
#endif
