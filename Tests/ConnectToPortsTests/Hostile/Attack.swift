import CConnectToLinux
import ConnectToLinux
import Glibc
import Testing

@testable import ConnectToPorts

/// A stream that breaks a rule somewhere behind a first message which does not.
struct Attack: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let make: @Sendable () throws -> Segment

    /// - Parameter descriptors: ride on the first byte of the given ones.
    init(
        _ name: String, _ bytes: [UInt8],
        descriptors: @escaping @Sendable () throws -> [Descriptor] = { [] }
    ) {
        testDescription = name
        make = {
            var piece = Segment()
            piece.bytes = bytes
            piece.descriptors = try descriptors()
            return piece
        }
    }
}

/// Descriptors of all sorts for an enemy to pass.
enum Loot {
    static func files(_ count: Int) throws -> [Descriptor] {
        let null = try Descriptor(adopting: systemCall("open") { open("/dev/null", O_RDWR | O_CLOEXEC) })
        return try (0..<count).map { _ in try null.duplicate() }
    }

    static func memory(size: Int, seals: Int32) throws -> [Descriptor] {
        let memory = Descriptor(adopting: try systemCall("memfd_create") { clinux_memfd("hostile") })
        try systemCall("ftruncate") { ftruncate(memory.rawValue, size) }
        if seals != 0 { try systemCall("fcntl") { clinux_add_seals(memory.rawValue, seals) } }
        return [memory]
    }

    static let sizeSeals = CLINUX_SEAL_SHRINK | CLINUX_SEAL_GROW
    static let allSeals = sizeSeals | CLINUX_SEAL_WRITE

    static func pipe() throws -> [Descriptor] {
        var ends: [Int32] = [0, 0]
        try systemCall("pipe") { Glibc.pipe(&ends) }
        return ends.map { Descriptor(adopting: $0) }
    }

    static func socket(_ domain: Int32, _ type: __socket_type) throws -> [Descriptor] {
        let type = Int32(type.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        return [Descriptor(adopting: try systemCall("socket") { Glibc.socket(domain, type, 0) })]
    }

    /// A socket that waits for connections under a name that the kernel picks.
    static func listener() throws -> [Descriptor] {
        let socket = try socket(AF_UNIX, SOCK_STREAM)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        try withUnsafePointer(to: &address) { address in
            try address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                _ = try systemCall("bind") {
                    bind(socket[0].rawValue, address, socklen_t(MemoryLayout<sa_family_t>.size))
                }
            }
        }
        try systemCall("listen") { listen(socket[0].rawValue, 1) }
        return socket
    }

    static func datagramPair() throws -> [Descriptor] {
        var ends: [Int32] = [0, 0]
        let type = Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        try systemCall("socketpair") { socketpair(AF_UNIX, type, 0, &ends) }
        return ends.map { Descriptor(adopting: $0) }
    }
}

/// A transfer table, written as its sender likes.
func table(count: UInt32? = nil, _ items: [UInt8]...) -> [UInt8] {
    var writer = ByteWriter()
    writer.append(count ?? UInt32(items.count))
    return writer.bytes + items.joined()
}

enum Item {
    static let file: [UInt8] = [1]

    static func moved(_ size: UInt64) -> [UInt8] { sized(2, size) }
    static func shared(_ size: UInt64) -> [UInt8] { sized(3, size) }

    private static func sized(_ kind: UInt8, _ size: UInt64) -> [UInt8] {
        var writer = ByteWriter()
        writer.append(kind)
        writer.append(size)
        return writer.bytes
    }

    /// - Parameters:
    ///   - size: what it says of its input, if not the truth.
    ///   - segments: bytes and how many descriptors they say ride on them.
    static func port(
        _ input: [UInt8] = [], size: UInt32? = nil, descriptors: UInt16 = 0, flags: UInt8 = 0,
        posted: UInt64 = 0, taken: UInt64 = 0, segments: [([UInt8], UInt16)] = [], segmentCount: UInt32? = nil,
        extension: [UInt8] = [], extensionSize: UInt16? = nil
    ) -> [UInt8] {
        var writer = ByteWriter()
        writer.append(UInt8(4))
        writer.append(flags)
        writer.append(posted)
        writer.append(taken)
        writer.append(size ?? UInt32(input.count))
        writer.append(descriptors)
        writer.append(segmentCount ?? UInt32(segments.count))
        writer.append(extensionSize ?? UInt16(`extension`.count))
        writer.bytes += `extension`
        writer.bytes += input
        for (bytes, descriptors) in segments {
            writer.append(UInt32(bytes.count))
            writer.append(descriptors)
            writer.bytes += bytes
        }
        return writer.bytes
    }

    /// A line that was over before it came, and needs no socket.
    static let over: UInt8 = 2
}
