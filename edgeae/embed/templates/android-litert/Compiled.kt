package $package

import android.content.res.AssetManager
import com.google.ai.edge.litert.Accelerator
import com.google.ai.edge.litert.CompiledModel
import com.google.ai.edge.litert.LiteRtException
import com.google.ai.edge.litert.TensorBuffer

/**
 * A model that LiteRT compiled for one accelerator.
 *
 * LiteRT's Kotlin API does not tell where a model runs. Of several accelerators at once, it says
 * nothing if the GPU cannot be loaded and the CPU runs the model:
 * https://developer.android.com/agents/skills/device-ai/litert/litert-runtime/skill
 * Of one by itself, `CompiledModel.create` throws unless every operator runs there, see "Some ops
 * are not accelerated" in LiteRT's litert/runtime/compiled_model.cc. Therefore each is tried by
 * itself, in the order given, and the first that does not throw is the one that runs the model.
 */
internal class Compiled(assets: AssetManager, asset: String, wanted: List<Accelerator>) :
    AutoCloseable {
    val accelerator: Accelerator
    val refusals: List<String>
    private val model: CompiledModel
    private val inputs: List<TensorBuffer>
    private val outputs: List<TensorBuffer>

    init {
        // of an NPU by itself, LiteRT adds the CPU and does not tell which of them runs an operator
        require(wanted.isNotEmpty() && wanted.all { it == Accelerator.CPU || it == Accelerator.GPU }) {
            "accelerators $$wanted: allowed are CPU and GPU"
        }
        val refused = mutableListOf<String>()
        var found: CompiledModel? = null
        for (choice in wanted) {
            found = compiled(assets, asset, choice, refused)
            if (found != null) break
        }
        model = checkNotNull(found) { "$$asset: no accelerator runs it: $$refused" }
        accelerator = wanted[refused.size]
        refusals = refused
        inputs = model.createInputBuffers()
        outputs = model.createOutputBuffers()
    }

    private fun compiled(
        assets: AssetManager,
        asset: String,
        choice: Accelerator,
        refused: MutableList<String>
    ): CompiledModel? =
        try {
            CompiledModel.create(assets, asset, CompiledModel.Options(choice))
        } catch (error: LiteRtException) {
            refused.add("$$choice: $${error.message}")
            null
        }

    /** Writes the input, runs the model and reads the output. */
    fun <T> run(write: (TensorBuffer) -> Unit, read: (TensorBuffer) -> T): T =
        synchronized(inputs) {
            write(inputs[0])
            model.run(inputs, outputs)
            read(outputs[0])
        }

    override fun close() {
        inputs.forEach { it.close() }
        outputs.forEach { it.close() }
        model.close()
    }
}
