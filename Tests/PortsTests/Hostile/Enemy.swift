import CLinux
import Glibc
import LinuxIO
import Testing

@testable import Ports

/// A peer that keeps to nothing, over a real socket, and the port that it is let loose on.
struct Enemy: Sendable {
    let port: MessagePort
    private let socket: StreamSocket
    /// The port's own end, which whoever made the pair may keep.
    let copyOfTheirEnd: Descriptor

    init(limits: PortLimits = PortLimits()) throws {
        let (near, far) = try StreamSocket.pair()
        copyOfTheirEnd = try near.descriptor.duplicate()
        port = MessagePort(adopting: near, on: try EventLoop.shared, limits: limits)
        socket = far
    }

    /// Writes all of it, waiting where the port does not read.
    ///
    /// - Parameter patience: how long to wait for room, in milliseconds; without it that is a failure.
    /// - Returns: false where the port has hung up, or patience is at its end.
    @discardableResult
    func send(
        _ bytes: [UInt8], _ descriptors: [Descriptor] = [], patience: Int32? = nil
    ) throws -> Bool {
        var rest = bytes[...]
        var descriptors = descriptors.map(\.rawValue)
        while !rest.isEmpty {
            let outcome = try rest.withUnsafeBytes { bytes in
                var part = iovec(
                    iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
                return try withUnsafePointer(to: &part) {
                    try socket.send(UnsafeBufferPointer(start: $0, count: 1), descriptors: descriptors)
                }
            }
            switch outcome {
            case .sent(let count):
                rest = rest.dropFirst(count)
                descriptors = []
            case .wouldBlock: if try !wait(for: POLLOUT, patience) { return false }
            case .tooManyInFlight: sched_yield()
            case .peerGone: return false
            }
        }
        return true
    }

    func send(_ piece: StreamPiece) throws {
        try send(piece.bytes, piece.descriptors)
    }

    /// All that the port has written, to its end of file.
    func readToEnd() throws -> [UInt8] {
        var all: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 4096)
        while true {
            switch try room.withUnsafeMutableBytes({ try socket.receive(into: $0) }) {
            case .received(let received): all += room.prefix(received.count)
            case .wouldBlock: _ = try wait(for: POLLIN)
            case .ended: return all
            }
        }
    }

    func hangUp() {
        socket.shutdown()
    }

    private func wait(for event: Int32, _ patience: Int32? = nil) throws -> Bool {
        var poll = pollfd(fd: socket.descriptor.rawValue, events: Int16(event), revents: 0)
        let isReady = Glibc.poll(&poll, 1, patience ?? 30_000) == 1
        if patience == nil { try #require(isReady, "the port does nothing") }
        return isReady
    }
}

extension FrameHeader {
    /// Eight bytes, whatever they say.
    static func raw(_ kind: UInt8, length: Int, flags: UInt8 = 0, descriptors: Int = 0) -> [UInt8] {
        var writer = ByteWriter()
        writer.append(UInt32(length))
        writer.append(kind)
        writer.append(flags)
        writer.append(UInt16(descriptors))
        return writer.bytes
    }
}

/// A message with a transfer table of the given bytes, which need not be one.
func messageWithTable(_ table: [UInt8], descriptors: Int, size: Int? = nil) -> [UInt8] {
    var writer = ByteWriter()
    writer.append(UInt32(size ?? table.count))
    writer.bytes += table
    return FrameHeader.raw(2, length: writer.bytes.count, flags: 1, descriptors: descriptors) + writer.bytes
}

func text(_ text: String) -> [UInt8] {
    FrameHeader.raw(2, length: text.utf8.count) + Array(text.utf8)
}
