/* Runs the self-test of every part on its golden vectors. Include this in one file of the app;
 * each part has its self-test if it is compiled with the macro NAME_SELF_TEST. */
#ifndef ${upper}_CHECK_H
#define ${upper}_CHECK_H

$includes

/* Calls `report` with the name of each part and how many of its values came out wrong. Returns 0 if
 * none did. The parts share one arena and one output. */
static int ${name}_check(void (*report)(const char *part, long wrong)) {
  static union {
$arenas
  } arena;
  static union {
$outputs
  } output;
  int failed = 0;
  long wrong;
$checks
  return failed;
}

#endif
