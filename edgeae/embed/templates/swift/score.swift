
    /// Returns the sum of the squared errors against the expected values, in steps of the output's
    /// scale. `expected` are the image's values as the model takes them$where.
    public func score(_ input: [$input_type], expected: [$output_type]) -> $score_type {
        precondition(input.count == Self.inputSize, "input: \(input.count) values, not $input_size")
        precondition(
            expected.count == Self.outputSize, "expected: \(expected.count) values, not $output_size")
        lock.lock()
        defer { lock.unlock() }
        return ${name}_score(arena, input, expected)
    }
