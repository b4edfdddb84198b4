package dev.edgeae.tiny

import android.content.Context
import com.google.ai.edge.litert.Accelerator

/** Prints on which accelerator the classes of the tiny int8 model say that they run. */
fun main() {
    TinyEncoder(Context()).use { println("${it.accelerator} ${it.refusals}") }
    TinyEncoder(Context(), listOf(Accelerator.GPU, Accelerator.CPU)).use {
        println("${it.accelerator} ${it.refusals}")
    }
    println(refusal { TinyEncoder(Context(), listOf(Accelerator.GPU)) })
    println(refusal { TinyEncoder(Context(), listOf(Accelerator.NPU)) })
    println(refusal { TinyEncoder(Context(), listOf()) })
    TinyDecoder(Context()).use { decoder ->
        val code = goldenCode()
        val exact = decoder.run(code)
        val shifted = exact.copyOf()
        for (place in listOf(0, 5, 7, 9)) {
            shifted[place] = (shifted[place] + (if (shifted[place] < 0) 1 else -1)).toByte()
        }
        println("score ${decoder.score(code, exact)}, ${decoder.score(code, shifted)} where four values are a step off")
    }
    GoldenTest().everyValueIsThatOfTheGoldenVectors()
    println("golden test ran")
}

private fun goldenCode(): ByteArray {
    val stream = Golden::class.java.getResourceAsStream("/tiny_decoder_input.bin")
    return stream!!.readBytes().copyOf(TinyDecoder.INPUT_SIZE)
}

private fun refusal(call: () -> Unit): String =
    try {
        call()
        "none"
    } catch (error: RuntimeException) {
        error.message.toString()
    }
