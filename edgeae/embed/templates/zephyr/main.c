/* Runs the self-test of every part on its golden vectors and prints PASS if every value is right. */
#include <zephyr/kernel.h>

#include "${name}_check.h"

static void report(const char *part, long wrong) {
  printk("%s: %ld wrong values\n", part, wrong);
}

int main(void) {
  printk("%s\n", ${name}_check(report) ? "FAIL" : "PASS");
  return 0;
}
