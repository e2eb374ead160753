// swift-tools-version: 6.2

import PackageDescription

// A package of its own, which uses the library as any program does: what depends on the library fetches and builds no
// examples, and what is written here is what a reader can write.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

let connectTo: Target.Dependency = .product(name: "ConnectTo", package: "connect-to")
let messaging: Target.Dependency = .product(name: "ConnectToMessaging", package: "connect-to")
let state: Target.Dependency = .product(name: "ConnectToState", package: "connect-to")
let workers: Target.Dependency = .product(name: "ConnectToWorkers", package: "connect-to")

let package = Package(
    name: "connect-to-examples",
    dependencies: [
        .package(name: "connect-to", path: "..", traits: []),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
    ],
    targets: [
        // The README shows this one.
        .executableTarget(name: "hello", dependencies: [connectTo], path: "hello", swiftSettings: settings),
        .executableTarget(
            name: "two-windows", dependencies: [connectTo, state], path: "two-windows", swiftSettings: settings),
        .executableTarget(
            name: "dashboard", dependencies: [connectTo, messaging], path: "dashboard", swiftSettings: settings),
        .executableTarget(
            name: "single-instance", dependencies: [connectTo, messaging], path: "single-instance",
            swiftSettings: settings),
        .executableTarget(
            name: "thumbnails", dependencies: [connectTo, messaging, workers], path: "workers", exclude: ["README.md"],
            swiftSettings: settings),
        .testTarget(
            name: "ExamplesTests",
            dependencies: [
                connectTo, messaging, workers, .product(name: "ConnectToTesting", package: "connect-to"),
                "dashboard", "hello", "single-instance", "thumbnails", "two-windows",
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            path: "Tests", swiftSettings: settings),
    ]
)
