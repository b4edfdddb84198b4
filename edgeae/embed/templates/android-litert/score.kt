
$doc
    fun score(input: $input_array, expected: $output_array): $score_type {
        sized(expected.size, OUTPUT_SIZE, "expected")
        val output = run(input)
        var sum = $zero
        for (place in output.indices) {
            val error = $error
            sum += error * error
        }
        return sum
    }
