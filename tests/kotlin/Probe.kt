package dev.edgeae.tiny

import java.io.ByteArrayOutputStream
import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.concurrent.CountDownLatch
import kotlin.concurrent.thread

/** Calls the classes of the tiny int8 model on values of a test, and writes what they return. */
fun main(arguments: Array<String>) {
    val folder = File(arguments[0])
    val values = floats(File(folder, "values.bin").readBytes())
    val pixels = File(folder, "pixels.bin").readBytes()
    val encoder = TinyEncoder()
    val decoder = TinyDecoder()
    val whole = TinyAutoencoder()
    val size = TinyEncoder.INPUT_SIZE

    collect(folder, "quantized.bin", values.size / size) {
        encoder.quantize(values.copyOfRange(it * size, (it + 1) * size))
    }
    collect(folder, "codes.bin", pixels.size / size) {
        encoder.encode(pixels.copyOfRange(it * size, (it + 1) * size))
    }
    collect(folder, "reconstructions.bin", pixels.size / size) {
        whole.reconstruct(pixels.copyOfRange(it * size, (it + 1) * size))
    }
    val every = ByteArray(256) { (it - 128).toByte() }
    val width = TinyEncoder.OUTPUT_SIZE
    val reals = (0 until 256 / width).flatMap {
        encoder.real(every.copyOfRange(it * width, (it + 1) * width)).toList()
    }
    File(folder, "reals.txt").writeText(reals.joinToString("\n") { it.toRawBits().toString() })
    val scores = (0 until pixels.size / size).map {
        val image = pixels.copyOfRange(it * size, (it + 1) * size)
        val code = encoder.encode(image)
        listOf(whole.score(image), decoder.score(code, encoder.quantize(image)))
    }
    File(folder, "scores.txt").writeText(scores.joinToString("\n") { it.joinToString(" ") })
    File(folder, "refusal.txt").writeText(refusal { encoder.encode(ByteArray(size - 1)) })
    GoldenTest().everyValueIsThatOfTheGoldenVectors()
    File(folder, "threads.txt").writeText(sharedByThreads(encoder, pixels, size).toString())
}

private fun collect(folder: File, name: String, count: Int, made: (Int) -> ByteArray) {
    val stream = ByteArrayOutputStream()
    for (place in 0 until count) stream.write(made(place))
    File(folder, name).writeBytes(stream.toByteArray())
}

private fun refusal(call: () -> Unit): String =
    try {
        call()
        "none"
    } catch (error: IllegalArgumentException) {
        error.message.toString()
    }

/** Returns how many of many answers are wrong while four threads share an instance. */
private fun sharedByThreads(encoder: TinyEncoder, pixels: ByteArray, size: Int): Int {
    val count = pixels.size / size
    val images = (0 until count).map { pixels.copyOfRange(it * size, (it + 1) * size) }
    val known = images.map { encoder.encode(it) }
    val wrong = IntArray(4)
    val start = CountDownLatch(1)
    val threads = (0 until 4).map { number ->
        thread {
            start.await()
            for (round in 0 until 100000) {
                val place = (round * 7 + number) % count
                if (!encoder.encode(images[place]).contentEquals(known[place])) wrong[number] += 1
            }
        }
    }
    start.countDown()
    threads.forEach { it.join() }
    return wrong.sum()
}

private fun floats(bytes: ByteArray): FloatArray {
    val buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer()
    return FloatArray(buffer.remaining()).also { buffer.get(it) }
}
