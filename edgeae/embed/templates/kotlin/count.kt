    private fun $part(part: $class_name): Int {
        val inputs = $read_input("${name}_input")
        val expected = $read_output("${name}_output")
        val size = $class_name.INPUT_SIZE
        var wrong = 0
        for (vector in 0 until inputs.size / size) {
            val output = part.run(inputs.copyOfRange(vector * size, (vector + 1) * size))
            for (place in output.indices) {
                val error = $error
                if ($wrong) wrong += 1
            }
        }
        return wrong
    }
