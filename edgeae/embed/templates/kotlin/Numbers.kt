package $package

/** Returns the integer nearest to a value, halves away from zero; NaN becomes the lowest. */
internal fun nearest(value: Float, low: Float, high: Float): Int {
    val above = if (value > low) value else low
    val inside = if (above < high) above else high
    val whole = inside.toInt()
    val rest = inside - whole.toFloat()
    return whole + (if (rest >= 0.5f) 1 else if (rest <= -0.5f) -1 else 0)
}

/** Throws an IllegalArgumentException unless an array has the size that the model takes. */
internal fun sized(size: Int, expected: Int, name: String) {
    require(size == expected) { "$$name: $$size values; allowed are $$expected" }
}
