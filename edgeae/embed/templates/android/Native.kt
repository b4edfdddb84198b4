package $package

import java.nio.ByteBuffer

/** The functions of the generated C, in `src/main/cpp`. */
internal object Native {
    init {
        System.loadLibrary("$library")
    }

$functions
}
