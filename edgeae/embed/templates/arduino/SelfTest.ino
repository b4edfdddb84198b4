// Runs the self-test of every part on its golden vectors and prints PASS if every value is right.
#include <$name.h>
#include <${name}_check.h>

static void report(const char *part, long wrong) {
  Serial.print(part);
  Serial.print(": ");
  Serial.print(wrong);
  Serial.println(" wrong values");
}

void setup() {
  Serial.begin(115200);
  while (!Serial) {
    // boards with USB of their own wait here for the serial monitor
  }
  Serial.println(${name}_check(report) ? "FAIL" : "PASS");
}

void loop() {}
