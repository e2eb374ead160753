import ConnectToLinux
import ConnectToTesting
import Glibc
import SystemPackage

/// A listening socket that is not a bus.
final class Listener: Sendable {
    let address: String
    private let path: String
    let descriptor: Descriptor

    init(in directory: FilePath, backlog: Int32 = 16) throws {
        path = directory.appending("socket").string
        address = "unix:path=\(path)"
        descriptor = Descriptor(adopting: try Self.socket())
        _ = try Self.withAddress(path) { address, length in
            try systemCall("bind") { bind(descriptor.rawValue, address, length) }
        }
        try systemCall("listen") { listen(descriptor.rawValue, backlog) }
    }

    /// Waits for one connection and accepts it.
    func accept() throws -> Descriptor {
        Descriptor(adopting: try systemCall("accept4") { Glibc.accept(descriptor.rawValue, nil, nil) })
    }

    /// Connects without accepting, until the backlog is full and connect(2) would block.
    func fillBacklog() throws -> [Descriptor] {
        var connected: [Descriptor] = []
        while true {
            let client = Descriptor(adopting: try Self.socket(Int32(SOCK_NONBLOCK.rawValue)))
            let outcome = Self.withAddress(path) { address, length in
                connect(client.rawValue, address, length)
            }
            if outcome != 0 { return connected }
            connected.append(client)
        }
    }

    private static func socket(_ flags: Int32 = 0) throws -> Int32 {
        try systemCall("socket") {
            Glibc.socket(
                AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | flags, 0)
        }
    }

    private static func withAddress<Result>(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Result
    ) rethrows -> Result {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
        return try withUnsafePointer(to: address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                try body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
