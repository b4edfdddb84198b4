// Stands in for the class of androidx.test that gives an Android context.
package androidx.test.platform.app

import android.content.Context

class Instrumentation {
    val targetContext = Context()
}

object InstrumentationRegistry {
    @JvmStatic
    fun getInstrumentation() = Instrumentation()
}
