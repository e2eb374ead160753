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

/// Only the command needs it: a dependant that gives this package no traits does not fetch it.
let argumentParser: Target.Dependency = .product(
    name: "ArgumentParser", package: "swift-argument-parser", condition: .when(traits: ["Command"]))
let collections: Target.Dependency = .product(name: "DequeModule", package: "swift-collections")
let hashTree: Target.Dependency = .product(name: "HashTreeCollections", package: "swift-collections")
let heap: Target.Dependency = .product(name: "HeapModule", package: "swift-collections")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
/// Nothing of it is fetched or linked without the trait.
let metrics: Target.Dependency = .product(
    name: "Metrics", package: "swift-metrics", condition: .when(traits: ["Metrics"]))
/// Its header and library are not looked for without the trait.
let lz4: Target.Dependency = .target(name: "CConnectToLZ4", condition: .when(traits: ["LZ4"]))
let metricsTestKit: Target.Dependency = .product(
    name: "MetricsTestKit", package: "swift-metrics", condition: .when(traits: ["Metrics"]))
let subprocess: Target.Dependency = .product(name: "Subprocess", package: "swift-subprocess")
let system: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")

let package = Package(
    name: "connect-to",
    products: [
        .library(name: "ConnectTo", targets: ["ConnectTo"]),
        .library(name: "ConnectToMessaging", targets: ["ConnectToMessaging"]),
        .library(name: "ConnectToWorkers", targets: ["ConnectToWorkers"]),
        .library(name: "ConnectToState", targets: ["ConnectToState"]),
        .library(name: "ConnectToTesting", targets: ["ConnectToTesting"]),
        .executable(name: "connect", targets: ["ConnectCLI"]),
    ],
    traits: [
        .default(enabledTraits: ["Command"]),
        .trait(name: "Command", description: "Fetches what the command `connect` needs and the library does not."),
        .trait(name: "LZ4", description: "Lets the lines of ConnectToMessaging compress, through liblz4."),
        .trait(name: "Metrics", description: "Counts introductions, ports and bytes through swift-metrics."),
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
        .systemLibrary(
            name: "CConnectToLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
        .target(name: "CConnectToLinux"),

        // Arrows point down only: each of these knows the ones above it, never the ones below.
        .target(
            name: "ConnectToLinux", dependencies: ["CConnectToLinux", collections, heap, system],
            swiftSettings: settings
        ),
        .target(
            name: "ConnectToDBus", dependencies: ["CConnectToDBus", "ConnectToLinux", logging], swiftSettings: settings),
        .target(
            name: "ConnectToPorts", dependencies: ["CConnectToLinux", "ConnectToLinux", collections, metrics, system],
            swiftSettings: settings),
        .target(
            name: "ConnectTo",
            dependencies: ["ConnectToDBus", "ConnectToLinux", "ConnectToPorts", collections, logging],
            swiftSettings: settings),
        // Calls and hubs (dbus/CALLS.md). Of the ports and the bus it may use what every program may use.
        .target(
            name: "ConnectToMessaging", dependencies: ["ConnectTo", "ConnectToLinux", collections, logging, lz4],
            packageAccess: false, swiftSettings: settings),
        // Processes that answer calls, and pools of them. Of what is below it may use what every program may use.
        .target(
            name: "ConnectToWorkers",
            dependencies: [
                "CConnectToLinux", "ConnectTo", "ConnectToLinux", "ConnectToMessaging", collections, heap, logging,
                metrics, system,
            ],
            packageAccess: false, swiftSettings: settings),
        // Replicas that agree. The document knows nothing of lines, so that it can be tested without any.
        .target(
            name: "ConnectToState",
            dependencies: [
                "ConnectTo", "ConnectToLinux", "ConnectToMessaging", collections, hashTree, logging, system,
            ],
            packageAccess: false, swiftSettings: settings),
        .target(
            name: "ConnectToTesting",
            dependencies: ["CConnectToLinux", "ConnectTo", "ConnectToLinux", subprocess, system],
            swiftSettings: settings),
        // Without package access the compiler lets it use what every program may use, and nothing else of the library.
        .executableTarget(
            name: "ConnectCLI",
            dependencies: [
                "CConnectToLinux", "ConnectTo", "ConnectToLinux", "ConnectToMessaging", "ConnectToWorkers",
                argumentParser, collections, system,
            ],
            exclude: ["connect.1"],
            packageAccess: false,
            swiftSettings: settings),

        .testTarget(
            name: "ConnectToLinuxTests",
            dependencies: ["CConnectToLinux", "ConnectToLinux", "ConnectToTesting", system],
            swiftSettings: settings),
        .testTarget(
            name: "ConnectToTestingTests",
            dependencies: [
                "CConnectToLinux", "ConnectToTesting", "ConnectToLinux", "ConnectToPorts", "ConnectToTestSupport",
                subprocess, system,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "ConnectToDBusTests",
            dependencies: [
                "CConnectToDBus", "CConnectToLinux", "ConnectToDBus", "ConnectToLinux", "ConnectToTesting",
                "ConnectToTestSupport",
            ],
            swiftSettings: settings),
        .testTarget(
            name: "ConnectToPortsTests",
            dependencies: [
                "CConnectToLinux", "ConnectToPorts", "ConnectToLinux", "ConnectToTesting", "ConnectToTestSupport",
            ],
            swiftSettings: settings),
        .testTarget(
            name: "ConnectToTests",
            dependencies: [
                "CConnectToDBus", "CConnectToLinux", "ConnectTo", "ConnectToDBus", "ConnectToLinux", "ConnectToTesting",
                "ConnectToTestPeer", "ConnectToTestSupport", metricsTestKit, metrics, subprocess, system,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "ConnectToMessagingTests",
            dependencies: [
                "ConnectTo", "ConnectToFarSide", "ConnectToLinux", "ConnectToMessaging", "ConnectToTestPeer",
                "ConnectToTestSupport", "ConnectToTesting", logging,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "ConnectToWorkersTests",
            dependencies: [
                "CConnectToLinux", "ConnectTo", "ConnectToLinux", "ConnectToMessaging", "ConnectToTestSupport",
                "ConnectToTestWorker", "ConnectToTesting", "ConnectToWorkers", metricsTestKit, metrics, system,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "ConnectToStateTests",
            dependencies: [
                "ConnectTo", "ConnectToLinux", "ConnectToState", "ConnectToTestReplica", "ConnectToTestSupport",
                "ConnectToTesting",
            ],
            exclude: ["Model/model.py", "Model/text_model.py"],
            swiftSettings: settings),
        // How ports behave, sentence by sentence (Tests/CONFORMANCE.md).
        .testTarget(
            name: "ConformanceTests",
            dependencies: [
                "CConnectToLinux", "ConnectTo", "ConnectToFarSide", "ConnectToLinux", "ConnectToPorts",
                "ConnectToTestPeer", "ConnectToTestSupport", "ConnectToTesting",
            ],
            swiftSettings: settings),
        // What several test targets share. Target names have to be unique among all packages of a dependant, so each of
        // these has the prefix, though no product contains it.
        .target(
            name: "ConnectToTestSupport",
            dependencies: [
                "ConnectToTesting", "ConnectToLinux", "ConnectToMessaging", "ConnectToPorts", subprocess, system,
            ],
            path: "Tests/TestSupport", swiftSettings: settings),
        // The other side of the conformance tests, for the same process and for another.
        .target(
            name: "ConnectToFarSide", dependencies: ["ConnectToLinux", "ConnectToMessaging", "ConnectToPorts"],
            path: "Tests/FarSide", swiftSettings: settings),
        // Another process that uses the library, and plays a part.
        .executableTarget(
            name: "ConnectToTestPeer",
            dependencies: [
                "CConnectToDBus", "ConnectTo", "ConnectToDBus", "ConnectToFarSide", "ConnectToLinux",
                "ConnectToMessaging",
            ],
            path: "Tests/TestPeer",
            swiftSettings: settings),
        // A worker that does what tests ask, and the parent of one, which tests can kill.
        .executableTarget(
            name: "ConnectToTestWorker",
            dependencies: ["CConnectToLinux", "ConnectTo", "ConnectToLinux", "ConnectToMessaging", "ConnectToWorkers"],
            path: "Tests/TestWorker", swiftSettings: settings),
        // A replica with a file, which tests can kill.
        .executableTarget(
            name: "ConnectToTestReplica", dependencies: ["ConnectTo", "ConnectToState"],
            path: "Tests/TestReplica", swiftSettings: settings),
        // Everything at once, for as long as one likes: `make soak`.
        .executableTarget(
            name: "ConnectToSoak",
            dependencies: [
                "ConnectTo", "ConnectToMessaging", "ConnectToTesting", "ConnectToLinux", "ConnectToTestPeer",
                "ConnectToTestSupport", "ConnectToTestWorker", "ConnectToWorkers",
            ],
            path: "Tests/Soak", swiftSettings: settings),
        .testTarget(
            name: "ConnectCLITests",
            dependencies: [
                "CConnectToLinux", "ConnectCLI", "ConnectTo", "ConnectToTesting", "ConnectToDBus", "ConnectToLinux",
                "ConnectToMessaging", "ConnectToPorts", "ConnectToTestSupport", "ConnectToTestWorker", argumentParser,
                subprocess, system,
            ],
            exclude: ["troubled-files.py"],
            swiftSettings: settings),
    ]
)

// The fuzzer needs flags that no package may ask for: `make fuzz` gives them, in a build of its own.
if Context.environment["CONNECTTO_FUZZ"] != nil {
    package.targets += [
        .target(name: "CConnectToFuzzer", path: "Tests/Fuzz/CConnectToFuzzer"),
        .executableTarget(
            name: "ConnectToFuzz",
            dependencies: [
                "CConnectToFuzzer", "CConnectToLinux", "ConnectTo", "ConnectToDBus", "ConnectToLinux",
                "ConnectToMessaging", "ConnectToPorts", "ConnectToState",
            ],
            path: "Tests/Fuzz/Sources", swiftSettings: settings),
    ]
}
