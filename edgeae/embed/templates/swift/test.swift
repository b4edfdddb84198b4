    func test${Part}() throws {
        let inputs = try values("${name}_input", $input_type.self)
        let expected = try values("${name}_output", $output_type.self)
        let part = $class_name()
        let (size, count) = ($class_name.inputSize, $class_name.outputSize)
        XCTAssertEqual(inputs.count / size, expected.count / count)
        for vector in 0..<inputs.count / size {
            let output = part.run(Array(inputs[vector * size..<(vector + 1) * size]))
            let wanted = Array(expected[vector * count..<(vector + 1) * count])
$check
        }
    }

