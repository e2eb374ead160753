// swift-tools-version: 6.2

import PackageDescription

// A package of its own: what measures the library is nothing that its users have to fetch. It sees the library as they
// do, through its public API.
let package = Package(
    name: "connect-to-benchmarks",
    // For the peers in Swift.
    products: [.library(name: "CBench", targets: ["CBench"])],
    dependencies: [.package(name: "connect-to", path: "..")],
    targets: [
        // The stamps, clocks and placement that our side shares with the peers in C.
        .target(name: "CBench"),
        .executableTarget(
            name: "Bench",
            dependencies: [
                "CBench", .product(name: "ConnectTo", package: "connect-to"),
                .product(name: "ConnectToMessaging", package: "connect-to"),
                .product(name: "ConnectToWorkers", package: "connect-to"),
            ],
            swiftSettings: [
                .swiftLanguageMode(.v6),
                .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("InternalImportsByDefault"),
                .enableUpcomingFeature("MemberImportVisibility"),
                .treatAllWarnings(as: .error),
            ]),
    ]
)
