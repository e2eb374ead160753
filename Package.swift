// swift-tools-version: 6.2

import PackageDescription

/// The same settings for all targets: nothing leaks through an import, and a warning stops the build.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let collections: Target.Dependency = .product(name: "DequeModule", package: "swift-collections")
let heap: Target.Dependency = .product(name: "HeapModule", package: "swift-collections")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
/// Nothing of it is fetched or linked without the trait.
let metrics: Target.Dependency = .product(
    name: "Metrics", package: "swift-metrics", condition: .when(traits: ["Metrics"]))
let metricsTestKit: Target.Dependency = .product(
    name: "MetricsTestKit", package: "swift-metrics", condition: .when(traits: ["Metrics"]))
let subprocess: Target.Dependency = .product(name: "Subprocess", package: "swift-subprocess")
let system: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")

let package = Package(
    name: "connect-to",
    products: [
        .library(name: "ConnectTo", targets: ["ConnectTo"]),
        .library(name: "ConnectToTesting", targets: ["ConnectToTesting"]),
        .executable(name: "connect", targets: ["ConnectCLI"]),
    ],
    traits: [
        .trait(name: "Metrics", description: "Counts introductions, ports and bytes through swift-metrics.")
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
    ],
    targets: [
        // The system, as Swift sees it.
        .systemLibrary(
            name: "CConnectToDBus", pkgConfig: "dbus-1", providers: [.apt(["libdbus-1-dev"])]),
        .target(name: "CConnectToLinux"),

        // Arrows point down only: each of these knows the ones above it, never the ones below.
        .target(name: "ConnectToLinux", dependencies: ["CConnectToLinux", heap, system], swiftSettings: settings),
        .target(
            name: "ConnectToDBus", dependencies: ["CConnectToDBus", "ConnectToLinux", logging], swiftSettings: settings),
        .target(
            name: "ConnectToPorts", dependencies: ["CConnectToLinux", "ConnectToLinux", collections, metrics],
            swiftSettings: settings),
        .target(
            name: "ConnectTo",
            dependencies: ["ConnectToDBus", "ConnectToLinux", "ConnectToPorts", collections, logging],
            swiftSettings: settings),
        .target(
            name: "ConnectToTesting",
            dependencies: ["CConnectToLinux", "ConnectTo", "ConnectToLinux", subprocess, system],
            swiftSettings: settings),
        .executableTarget(
            name: "ConnectCLI",
            dependencies: [
                "CConnectToLinux", "ConnectTo", "ConnectToLinux", "ConnectToPorts", argumentParser, collections,
                subprocess, system,
            ],
            exclude: ["connect.1"],
            swiftSettings: settings),

        // Small programs to begin from; the README shows the first.
        .executableTarget(
            name: "hello", dependencies: ["ConnectTo"], path: "examples/hello", swiftSettings: settings),
        .executableTarget(
            name: "two-windows", dependencies: ["ConnectTo"], path: "examples/two-windows",
            swiftSettings: settings),

        .testTarget(
            name: "ConnectToLinuxTests",
            dependencies: ["CConnectToLinux", "ConnectToLinux", "ConnectToTesting", system],
            swiftSettings: settings),
        .testTarget(
            name: "ConnectToTestingTests",
            dependencies: [
                "CConnectToLinux", "ConnectToTesting", "ConnectToLinux", "ConnectToPorts", subprocess, system,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "ConnectToDBusTests",
            dependencies: ["CConnectToDBus", "CConnectToLinux", "ConnectToDBus", "ConnectToLinux", "ConnectToTesting"],
            swiftSettings: settings),
        .testTarget(
            name: "ConnectToPortsTests",
            dependencies: ["CConnectToLinux", "ConnectToPorts", "ConnectToLinux", "ConnectToTesting"],
            swiftSettings: settings),
        .testTarget(
            name: "ConnectToTests",
            dependencies: [
                "CConnectToDBus", "CConnectToLinux", "ConnectTo", "ConnectToDBus", "ConnectToLinux", "ConnectToTesting",
                "TestPeer",
                "TestProcesses",
                metricsTestKit,
                metrics, subprocess, system,
            ],
            swiftSettings: settings),
        // How ports behave, sentence by sentence (Tests/CONFORMANCE.md).
        .testTarget(
            name: "ConformanceTests",
            dependencies: [
                "CConnectToLinux", "ConnectTo", "ConnectToTesting", "FarSide", "ConnectToLinux", "ConnectToPorts",
                "TestPeer",
                "TestProcesses",
            ],
            swiftSettings: settings),
        // Other processes, for the tests that need them.
        .target(
            name: "TestProcesses", dependencies: ["ConnectToTesting", "ConnectToLinux", subprocess, system],
            path: "Tests/TestProcesses", swiftSettings: settings),
        // The other side of the conformance tests, for the same process and for another.
        .target(name: "FarSide", dependencies: ["ConnectToPorts"], path: "Tests/FarSide", swiftSettings: settings),
        // Another process that uses the library, and plays a part.
        .executableTarget(
            name: "TestPeer",
            dependencies: ["CConnectToDBus", "ConnectTo", "ConnectToDBus", "FarSide", "ConnectToLinux"],
            path: "Tests/TestPeer",
            swiftSettings: settings),
        // Everything at once, for as long as one likes: `make soak`.
        .executableTarget(
            name: "Soak",
            dependencies: ["ConnectTo", "ConnectToTesting", "ConnectToLinux", "TestPeer", "TestProcesses"],
            path: "Tests/Soak", swiftSettings: settings),
        .testTarget(
            name: "ExamplesTests",
            dependencies: [
                "ConnectCLI", "ConnectTo", "ConnectToTesting", "TestProcesses", "hello", "two-windows",
                subprocess, system,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "ConnectCLITests",
            dependencies: [
                "CConnectToLinux", "ConnectCLI", "ConnectToTesting", "ConnectToDBus", "ConnectToLinux",
                "ConnectToPorts", "TestProcesses", argumentParser,
                subprocess, system,
            ],
            exclude: ["troubled-files.py"],
            swiftSettings: settings),
    ]
)

// The fuzzer needs flags that no package may ask for: `make fuzz` gives them, in a build of its own.
if Context.environment["CONNECTTO_FUZZ"] != nil {
    package.targets += [
        .target(name: "CFuzzer", path: "Tests/Fuzz/CFuzzer"),
        .executableTarget(
            name: "Fuzz",
            dependencies: [
                "CFuzzer", "CConnectToLinux", "ConnectTo", "ConnectToDBus", "ConnectToLinux", "ConnectToPorts",
            ],
            path: "Tests/Fuzz/Sources", swiftSettings: settings),
    ]
}
