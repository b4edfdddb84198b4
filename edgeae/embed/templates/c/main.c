/* Runs the self-test of each part on the golden vectors and prints PASS if every value is right. */
#include <stdio.h>

$includes

int main(void) {
  int failed = 0;
$checks
  puts(failed ? "FAIL" : "PASS");
  return failed;
}
