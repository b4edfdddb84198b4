/* Runs the self-test of each part and prints its result. */
#include <stdio.h>

$includes

int main(void) {
  int failed = 0;
$checks
  return failed;
}
