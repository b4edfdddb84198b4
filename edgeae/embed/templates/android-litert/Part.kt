package $package

import android.content.Context
import com.google.ai.edge.litert.Accelerator
import java.io.Closeable

/**
 * $about
 *
 * LiteRT runs it on the first of `accelerators` that takes the whole model; `accelerator` and
 * `refusals` say which that is and why those before it are not. Threads can share an instance.
 */
class $class_name @JvmOverloads constructor(
    context: Context,
    accelerators: List<Accelerator> = listOf(Accelerator.CPU)
) : Closeable {
    private val compiled = Compiled(context.assets, "$asset", accelerators)

    /** The accelerator that runs every operator of the model. */
    val accelerator: Accelerator
        get() = compiled.accelerator

    /** Why the accelerators before it do not run the model, a line for each. */
    val refusals: List<String>
        get() = compiled.refusals

$methods

    /** Runs the model on values as it takes them, and returns values as it gives them. */
    fun run(input: $input_array): $output_array {
        sized(input.size, INPUT_SIZE, "input")
        return compiled.run({ it.$write(input) }, { it.$read() })
    }
$score
    override fun close() = compiled.close()

    companion object {
$constants
    }
}
