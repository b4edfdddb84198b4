/* The functions of Native.kt. What a call needs lies in a direct buffer of the caller: no allocation
 * and no state here. */
#include <jni.h>
#include <stdint.h>

$includes
$parts
