import $module
import Foundation
import XCTest

/// The golden vectors: inputs, and what LiteRT's reference kernels answer.
final class GoldenTests: XCTestCase {
$tests    private func values<Value>(_ name: String, _ type: Value.Type) throws -> [Value] {
        let url = Bundle.module.url(forResource: name, withExtension: "bin", subdirectory: "golden")
        let data = try Data(contentsOf: XCTUnwrap(url))
        // the files are little-endian, as are Apple's machines
        return data.withUnsafeBytes { Array($$0.bindMemory(to: type)) }
    }
}
