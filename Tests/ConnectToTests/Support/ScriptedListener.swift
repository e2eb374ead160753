import CConnectToLinux
import ConnectToDBus
import ConnectToLinux
import ConnectToTesting
import Glibc

@testable import ConnectTo

/// A listener that is not this library's: it owns a name, takes calls, and answers when and what the test says.
final class ScriptedListener: Sendable {
    let connection: BusConnection
    /// Where its objects are.
    private let paths: Lock<Set<String>>
    private let calls: AsyncStream<MethodCall>
    private let sink: AsyncStream<MethodCall>.Continuation

    /// - Parameter path: where its object is; by default where callers look for it.
    init(_ name: String, at path: String? = nil) async throws {
        let context = try ContextName(name)
        let (calls, sink) = AsyncStream<MethodCall>.makeStream()
        self.calls = calls
        self.sink = sink
        paths = Lock([path ?? context.objectPath])
        connection = try await BusConnection.open(
            address: try PrivateBus.current.address, on: try EventLoop.shared.reactor)
        await connection.export { [weak self] call in
            guard let self, paths.withLock({ $0.contains(call.path) }) else { return false }
            sink.yield(call)
            return true
        }
        _ = try await connection.requestName(context.busName, flags: [])
    }

    /// One more name, whose calls are among the others.
    func own(_ name: String) async throws {
        let context = try ContextName(name)
        paths.withLock { _ = $0.insert(context.objectPath) }
        _ = try await connection.requestName(context.busName, flags: [])
    }

    /// The next call, whatever it is.
    func nextCall() async throws -> MethodCall {
        var iterator = calls.makeAsyncIterator()
        guard let call = await iterator.next() else { throw Ended() }
        return call
    }

    /// The next call; throws ``Ended`` where none has come before the connection was closed.
    func nextCallOrEnd() async throws -> MethodCall {
        sink.finish()
        return try await nextCall()
    }

    func reply(to call: MethodCall, _ body: [DBusValue] = [Greeting().encoded]) async {
        await connection.reply(to: call, body)
    }

    func replyError(to call: MethodCall, _ name: String) async {
        await connection.replyError(to: call, name: name, message: "as the test says")
    }

    func close() async {
        await connection.close()
    }

    struct Ended: Error {}
}

extension MethodCall {
    /// The end of the line that the caller handed over.
    var line: StreamSocket? {
        guard case .unixFD(let descriptor)? = body.first else { return nil }
        return StreamSocket(descriptor)
    }
}

extension StreamSocket {
    /// Writes bytes that fit into the kernel's buffer.
    func write(_ bytes: [UInt8]) throws {
        var bytes = bytes
        let outcome = try bytes.withUnsafeMutableBytes { buffer throws(SystemError) in
            var part = clinux_piece(start: buffer.baseAddress, count: buffer.count)
            return try withUnsafePointer(to: &part) { part throws(SystemError) in
                try send(UnsafeBufferPointer(start: part, count: 1))
            }
        }
        if outcome != .sent(bytes.count) { throw ScriptedListener.Ended() }
    }
}

/// Frames as `dbus/PROTOCOL.md` writes them.
enum Frames {
    static func text(_ text: String) -> [UInt8] {
        [UInt8(text.utf8.count), 0, 0, 0, 2, 0, 0, 0] + Array(text.utf8)
    }

    static func close(taken: UInt8) -> [UInt8] {
        [8, 0, 0, 0, 17, 0, 0, 0, taken, 0, 0, 0, 0, 0, 0, 0]
    }
}
