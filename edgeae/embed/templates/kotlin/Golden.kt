package $package

$imports/** The golden vectors: inputs, and what LiteRT's reference kernels answer. */
object Golden {
    /** Returns for each part how many values come out wrong. */
    fun wrongValues($parameter): Map<String, Int> = mapOf(
$entries
    )

$counts

    private fun bytes(name: String): ByteArray {
        val stream = Golden::class.java.getResourceAsStream("/$$name.bin")
        return requireNotNull(stream) { "$$name.bin: the file is missing" }.use { it.readBytes() }
    }$readers
}
