/* Runs the self-test of every part on its golden vectors and prints PASS if every value is right. */
#include <stdio.h>

#include "${name}_check.h"

void app_main(void);

static void report(const char *part, long wrong) {
  printf("%s: %ld wrong values\n", part, wrong);
}

void app_main(void) {
  puts(${name}_check(report) ? "FAIL" : "PASS");
}
