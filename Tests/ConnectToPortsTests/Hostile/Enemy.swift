import CConnectToLinux
import ConnectToLinux
import Glibc
import Testing

@testable import ConnectToPorts

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
    /// - Parameter patience: how long to wait for room; without it that is a failure.
    /// - Returns: false where the port has hung up, or patience is at its end.
    @discardableResult
    func send(
        _ bytes: [UInt8], _ descriptors: [Descriptor] = [], patience: Duration? = nil
    ) async throws -> Bool {
        var rest = bytes[...]
        var descriptors = descriptors.map(\.rawValue)
        while !rest.isEmpty {
            let outcome = try rest.withUnsafeBytes { bytes in
                var part = clinux_piece(start: bytes.baseAddress, count: bytes.count)
                return try withUnsafePointer(to: &part) {
                    try socket.send(UnsafeBufferPointer(start: $0, count: 1), descriptors: descriptors)
                }
            }
            switch outcome {
            case .sent(let count):
                rest = rest.dropFirst(count)
                descriptors = []
            case .wouldBlock: if try await !wait(for: .write, patience) { return false }
            case .tooManyInFlight: await Task.yield()
            case .peerGone, .descriptorsRefused: return false
            }
        }
        return true
    }

    func send(_ piece: Segment) async throws {
        try await send(piece.bytes, piece.descriptors)
    }

    /// All that the port has written, to its end of file.
    func readToEnd() async throws -> [UInt8] {
        var all: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 4096)
        while true {
            switch try room.withUnsafeMutableBytes({ try socket.receive(into: $0) }) {
            case .received(let received): all += room.prefix(received.count)
            case .wouldBlock: _ = try await wait(for: .read)
            case .ended: return all
            }
        }
    }

    func hangUp() {
        socket.shutdown()
    }

    private func wait(for readiness: Readiness, _ patience: Duration? = nil) async throws -> Bool {
        if patience == .zero { return false }
        let reactor = port.line.reactor
        // One of the two comes first.
        let (events, teller) = AsyncStream<Bool>.makeStream()
        let source = try reactor.watch(socket.descriptor.rawValue, for: [readiness, .edge]) { _ in
            teller.yield(true)
        }
        let timer = reactor.schedule(after: patience ?? .seconds(30)) { teller.yield(false) }
        defer {
            source.cancel()
            timer.cancel()
        }
        let isReady = await events.first { _ in true } ?? false
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
