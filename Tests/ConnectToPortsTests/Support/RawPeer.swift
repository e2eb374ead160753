import CConnectToLinux
import ConnectToLinux
import ConnectToPorts
import Glibc

/// The other side of a line, by hand: writes and reads plain bytes, right or wrong.
///
/// What waits does so on a thread of its own, as a peer in another process would, and for 30 s at the most.
final class RawPeer: Sendable {
    private let socket: Lock<StreamSocket?>

    init(_ socket: StreamSocket) {
        self.socket = Lock(socket)
        var limit = timeval(tv_sec: 30, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(
                socket.descriptor.rawValue, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
    }

    /// A port, open, and what it is connected to.
    static func withPort(
        limits: PortLimits = PortLimits(), on loop: EventLoop? = nil
    ) throws -> (port: MessagePort, peer: RawPeer) {
        let (near, far) = try StreamSocket.pair()
        let loop = if let loop { loop } else { try EventLoop.shared }
        return (MessagePort(adopting: near, on: loop, limits: limits), RawPeer(far))
    }

    // MARK: Writing

    func send(_ bytes: [UInt8]) async throws {
        try await waiting { descriptor in
            var sent = 0
            while sent < bytes.count {
                sent += try bytes.withUnsafeBytes { bytes in
                    let rest = UnsafeRawBufferPointer(rebasing: bytes.dropFirst(sent))
                    return try systemCall("send") {
                        Glibc.send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
                    }
                }
            }
        }
    }

    /// Sends what the kernel takes at once; 0 if it takes nothing.
    func sendWithoutWaiting(_ bytes: [UInt8], descriptors: [Int32] = []) throws -> Int {
        try bytes.withUnsafeBytes { bytes in
            var part = clinux_piece(start: bytes.baseAddress, count: bytes.count)
            return try withUnsafePointer(to: &part) { part in
                let parts = UnsafeBufferPointer(start: part, count: 1)
                let outcome = try socket.withLock { try $0?.send(parts, descriptors: descriptors) }
                if case .sent(let count) = outcome { return count }
                return 0
            }
        }
    }

    // MARK: Reading

    /// So many bytes, or fewer if the stream ends before.
    func receive(_ count: Int) async throws -> [UInt8] {
        try await waiting { descriptor in
            var received: [UInt8] = []
            received.reserveCapacity(min(count, 1 << 20))
            var buffer = [UInt8](repeating: 0, count: 64 << 10)
            while received.count < count {
                let wanted = min(buffer.count, count - received.count)
                let got = try systemCall("recv") { recv(descriptor, &buffer, wanted, 0) }
                if got == 0 { break }
                received += buffer.prefix(got)
            }
            return received
        }
    }

    /// All that comes before the end of the stream.
    func receiveToEnd() async throws -> [UInt8] {
        try await receive(.max)
    }

    /// Reads a little at a time by a loop's clock, to the end of the stream; does not wait in between.
    func receive(
        _ count: Int, every pause: Duration, on loop: EventLoop, after before: [UInt8] = [],
        _ done: @escaping @Sendable ([UInt8]) -> Void
    ) {
        loop.reactor.schedule(after: pause) { [self] in
            var buffer = [UInt8](repeating: 0, count: count)
            let outcome = try? buffer.withUnsafeMutableBytes { buffer in
                try socket.withLock { try $0?.receive(into: buffer) }
            }
            switch outcome {
            case .received(let received):
                let all = before + buffer.prefix(received.count)
                receive(count, every: pause, on: loop, after: all, done)
            case .wouldBlock: receive(count, every: pause, on: loop, after: before, done)
            case .ended, nil: done(before)
            }
        }
    }

    // MARK: Ending

    /// Ends both directions; what was sent before can still be read.
    func shutDown() {
        socket.withLock { $0?.shutdown() }
    }

    /// As if the process were gone: the descriptor is closed, read or not.
    func die() {
        socket.withLock { $0 = nil }
    }

    private func waiting<Result: Sendable>(
        _ body: @escaping @Sendable (Int32) throws -> Result
    ) async throws -> Result {
        guard let socket = socket.withLock(\.self) else { throw CancellationError() }
        return try await withCheckedThrowingContinuation { continuation in
            do {
                try startDetachedThread(named: "raw peer") {
                    let result = Swift.Result { try body(socket.descriptor.rawValue) }
                    continuation.resume(with: result)
                }
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }
}
