package $package

import java.nio.ByteBuffer

/**
 * $about
 *
 * An instance has memory of its own. Threads can share an instance; they then wait for each other,
 * which threads with an instance each do not.
 */
class $class_name {
    private val memory: ByteBuffer = ByteBuffer.allocateDirect(Native.${part}MemoryBytes())

$methods

    /** Runs the model on values as it takes them, and returns values as it gives them. */
    fun run(input: $input_array): $output_array {
        sized(input.size, INPUT_SIZE, "input")
        val output = $output_array(OUTPUT_SIZE)
        synchronized(memory) { Native.${part}Run(memory, input, output) }
        return output
    }
$score
    companion object {
$constants
    }
}
