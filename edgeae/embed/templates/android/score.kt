
$doc
    fun score(input: $input_array, expected: $output_array): $score_type {
        sized(input.size, INPUT_SIZE, "input")
        sized(expected.size, OUTPUT_SIZE, "expected")
        return synchronized(memory) { Native.${part}Score(memory, input, expected) }
    }
