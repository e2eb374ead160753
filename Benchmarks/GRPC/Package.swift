// swift-tools-version: 6.2

import PackageDescription

// gRPC for Swift over a Unix socket, measured beside our calls. A package of its own: it fetches and builds SwiftNIO and
// all that gRPC needs, and a machine that has none of it measures everything else.
let package = Package(
    name: "connect-to-benchmarks-grpc",
    dependencies: [
        // Of this one only CBench: stamps, clock, placement and the line that is printed.
        .package(name: "connect-to-benchmarks", path: ".."),
        .package(url: "https://github.com/grpc/grpc-swift-2", from: "2.4.3"),
        .package(url: "https://github.com/grpc/grpc-swift-nio-transport", from: "2.9.2"),
    ],
    targets: [
        .executableTarget(
            name: "GRPCPeer",
            dependencies: [
                .product(name: "CBench", package: "connect-to-benchmarks"),
                .product(name: "GRPCCore", package: "grpc-swift-2"),
                .product(name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)])
    ]
)
