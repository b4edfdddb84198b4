import C$module
import Foundation

/// $about
///
/// An instance has memory of its own. Threads can share an instance; they then wait for each other,
/// which threads with an instance each do not.
public final class $class_name: @unchecked Sendable {
$constants

    private let arena = UnsafeMutableRawPointer.allocate(byteCount: $arena, alignment: 16)
    private let lock = NSLock()

    public init() {}

    deinit {
        arena.deallocate()
    }

$methods

    /// Runs the model on values as it takes them, and returns values as it gives them.
    public func run(_ input: [$input_type]) -> [$output_type] {
        precondition(input.count == Self.inputSize, "input: \(input.count) values, not $input_size")
        return [$output_type](unsafeUninitializedCapacity: Self.outputSize) { output, count in
            lock.lock()
            ${name}_run(arena, input, output.baseAddress!)
            lock.unlock()
            count = Self.outputSize
        }
    }
$score}
