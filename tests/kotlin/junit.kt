// Stands in for JUnit 4: what the instrumented tests ask of it.
package org.junit

annotation class Test

object Assert {
    @JvmStatic
    fun assertEquals(message: String, expected: Any?, actual: Any?) {
        if (expected != actual) throw AssertionError("$message: $expected, $actual")
    }
}
