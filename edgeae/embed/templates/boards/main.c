/* Runs the self-test of every part on its golden vectors and prints PASS if every value is right. */
#include <stdio.h>

#include "${name}_check.h"

static void report(const char *part, long wrong) {
  printf("%s: %ld wrong values\n", part, wrong);
}

int main(void) {
  const int failed = ${name}_check(report);
  puts(failed ? "FAIL" : "PASS");
  return failed;
}
