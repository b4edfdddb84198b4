package dev.edgeae.odd

import dev.edgeae.flat.FlatAutoencoder
import dev.edgeae.wide.WideModel
import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder

/** Calls classes of other kinds than the usual, and writes what they return: numbers or bits. */
fun main(arguments: Array<String>) {
    val folder = File(arguments[0])
    val buffer = ByteBuffer.wrap(File(folder, "values.bin").readBytes())
    val floats = buffer.order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer()
    val values = FloatArray(floats.remaining()).also { floats.get(it) }
    val rows = values.toList().chunked(16).map { it.toFloatArray() }

    val odd = OddAutoencoder()
    write(folder, "quantized", rows.flatMap { odd.quantize(it).map(Byte::toInt) })
    write(folder, "expected", rows.flatMap { odd.quantizeExpected(it).map(Byte::toInt) })
    write(folder, "answers", rows.flatMap { odd.reconstruct(it).map(Byte::toInt) })
    write(folder, "reals", rows.flatMap { bits(odd.real(odd.reconstruct(it))) })
    write(folder, "scores", rows.map { odd.score(it).toInt() })
    write(folder, "threshold", listOf(OddAutoencoder.SCORE_THRESHOLD.toInt()))
    val pixels = ByteArray(256) { it.toByte() }
    val images = pixels.toList().chunked(16).map { it.toByteArray() }
    write(folder, "pixels", images.flatMap { OddEncoder().quantize(it).map(Byte::toInt) })

    val flat = FlatAutoencoder()
    write(folder, "standardized", rows.flatMap { bits(flat.standardize(it)) })
    write(folder, "restored", rows.flatMap { bits(flat.real(it)) })
    write(folder, "wide", rows.flatMap { WideModel().run(it).map(Short::toInt) })
    val golden = mapOf(
        "flat" to dev.edgeae.flat.Golden.wrongValues(),
        "bytes" to dev.edgeae.bytes.Golden.wrongValues(),
        "wide" to dev.edgeae.wide.Golden.wrongValues()
    )
    for ((name, wrong) in golden) println("$name: ${wrong.values.sum()} of ${wrong.size} parts")
}

private fun bits(values: FloatArray): List<Int> = values.map { it.toRawBits() }

private fun write(folder: File, name: String, numbers: List<Int>) {
    File(folder, "$name.txt").writeText(numbers.joinToString("\n"))
}
