// swift-tools-version:5.5
// $comment
import PackageDescription

let package = Package(
    name: "$module",
    products: [
        .library(name: "$module", targets: ["$module"])
    ],
    targets: [
        // the generated C, see include/module.modulemap
        .target(
            name: "C$module",
            linkerSettings: [.linkedLibrary("m", .when(platforms: [.linux, .android]))]
        ),
        .target(name: "$module", dependencies: ["C$module"]),
        .testTarget(
            name: "${module}Tests",
            dependencies: ["$module"],
            resources: [.copy("golden")]
        )
    ],
    cLanguageStandard: .c99
)
