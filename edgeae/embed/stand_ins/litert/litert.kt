// Stands in for LiteRT on a host: the signatures that the classes of `android-litert` call, and a
// model that knows its golden vectors and nothing else. It has no GPU.
package com.google.ai.edge.litert

import android.content.res.AssetManager
import java.nio.ByteBuffer
import java.nio.ByteOrder

enum class Accelerator { NONE, CPU, GPU, NPU }

class LiteRtException(message: String) : Exception(message)

class TensorBuffer internal constructor() : AutoCloseable {
    internal var bytes = ByteArray(0)

    fun writeInt8(data: ByteArray) {
        bytes = data.copyOf()
    }

    fun writeFloat(data: FloatArray) {
        val buffer = ByteBuffer.allocate(4 * data.size).order(ByteOrder.LITTLE_ENDIAN)
        buffer.asFloatBuffer().put(data)
        bytes = buffer.array()
    }

    fun readInt8(): ByteArray = bytes.copyOf()

    fun readFloat(): FloatArray {
        val floats = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer()
        return FloatArray(floats.remaining()).also { floats.get(it) }
    }

    override fun close() {}
}

class CompiledModel private constructor(asset: String) : AutoCloseable {
    class Options(vararg val accelerators: Accelerator)

    private val inputs = golden(asset, "input")
    private val outputs = golden(asset, "output")

    fun createInputBuffers(): List<TensorBuffer> = listOf(TensorBuffer())

    fun createOutputBuffers(): List<TensorBuffer> = listOf(TensorBuffer())

    fun run(inputs: List<TensorBuffer>, outputs: List<TensorBuffer>) {
        outputs[0].bytes = answer(inputs[0].bytes)
    }

    private fun answer(given: ByteArray): ByteArray {
        val count = inputs.size / given.size
        val size = outputs.size / count
        for (vector in 0 until count) {
            val known = inputs.copyOfRange(vector * given.size, (vector + 1) * given.size)
            if (known.contentEquals(given)) {
                return outputs.copyOfRange(vector * size, (vector + 1) * size)
            }
        }
        throw IllegalStateException("not a golden input")
    }

    override fun close() {}

    companion object {
        fun create(assetManager: AssetManager, assetName: String, options: Options): CompiledModel {
            if (Accelerator.GPU in options.accelerators) {
                throw LiteRtException("no GPU accelerator")
            }
            return CompiledModel(assetName)
        }

        private fun golden(asset: String, edge: String): ByteArray {
            val name = "/" + asset.removeSuffix(".tflite") + "_" + edge + ".bin"
            return checkNotNull(CompiledModel::class.java.getResourceAsStream(name)).readBytes()
        }
    }
}
