import CConnectToLinux
import ConnectTo
import ConnectToLinux
import Glibc
import SystemPackage

/// This process's end of a pipe to or from a command. A task that reads or writes is suspended; the loop never blocks.
/// (`FileDescriptor.pipe()` of swift-system sets neither O_CLOEXEC nor O_NONBLOCK.)
///
/// Only one task at a time may read or write. ``stop()`` and ``limitSilence(to:)`` may be called from any thread.
final class PipeEnd: Sendable {
    enum Direction: Int32 { case read, write }

    private struct State {
        /// Nil once the pipe is closed.
        var descriptor: Descriptor?
        var watch: EventLoop.Watch?
        /// Whether the kernel has reported readiness, and no read or write has been tried since.
        var isReady = false
        var isStopped = false
        var waiting: CheckedContinuation<Void, Never>?
        /// How long a wait may take.
        var patience: Duration?
        var timer: EventLoop.Timer?
        var hasFallenSilent = false
    }

    private let loop: EventLoop
    private let state: Lock<State>

    private static let chunk = 64 << 10

    /// Makes a pipe whose other end is for a command.
    /// - Throws: ``SystemError`` if the process has no descriptors left.
    static func pipe(_ direction: Direction) throws -> (ours: PipeEnd, theirs: Descriptor) {
        var ends: [Int32] = [-1, -1]
        try systemCall("pipe") { clinux_pipe(&ends, direction.rawValue) }
        let descriptors = ends.map { Descriptor(adopting: $0) }
        let ours = Int(direction.rawValue)
        return (try PipeEnd(descriptors[ours], direction), descriptors[1 - ours])
    }

    private init(_ descriptor: Descriptor, _ direction: Direction) throws {
        loop = try EventLoop.shared
        state = Lock(State(descriptor: descriptor))
        let readiness: EventLoop.Readiness = direction == .read ? .read : .write
        let watch = try loop.watch(descriptor.rawValue, for: readiness, edgeTriggered: true) { [weak self] _ in
            self?.wake { $0.isReady = $0.waiting == nil }
        }
        state.withLock { $0.watch = watch }
    }

    deinit { close() }

    // MARK: Reading and writing

    /// Waits for data, and returns it; nil at the end of file, or once the pipe is stopped and no data is left.
    func read() async throws(SystemError) -> [UInt8]? {
        var chunk = [UInt8](repeating: 0, count: Self.chunk)
        while true {
            guard let descriptor = state.withLock({ $0.descriptor }) else { return nil }
            let count = try systemCallUnlessBlocked("read") {
                Glibc.read(descriptor.rawValue, &chunk, chunk.count)
            }
            if let count { return count == 0 ? nil : Array(chunk[..<count]) }
            if await !wait() { return nil }
        }
    }

    /// Writes all of the bytes, and waits for room.
    /// - Returns: `false` if the pipe has no reader any more, or is stopped and full.
    func write(_ bytes: [UInt8]) async throws(SystemError) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            guard let descriptor = state.withLock({ $0.descriptor }) else { return false }
            do throws(SystemError) {
                let count = try systemCallUnlessBlocked("write") {
                    rest.withUnsafeBytes { Glibc.write(descriptor.rawValue, $0.baseAddress, $0.count) }
                }
                if let count { rest = rest.dropFirst(count) } else if await !wait() { return false }
            } catch {
                if error.errno == .brokenPipe { return false }
                throw error
            }
        }
        return true
    }

    /// Closes this end: a reader at the other end sees the end of file, a writer sees EPIPE.
    func close() {
        let (descriptor, watch) = state.withLock { state in
            defer { (state.descriptor, state.watch) = (nil, nil) }
            return (state.descriptor, state.watch)
        }
        // Cancel the watch first: epoll can only remove a descriptor that is still open.
        watch?.cancel()
        withExtendedLifetime(descriptor) {}
    }

    /// Whether there is something to read at this moment.
    var hasUnread: Bool {
        state.withLock { state in
            guard let descriptor = state.descriptor else { return false }
            var request = pollfd(fd: descriptor.rawValue, events: Int16(POLLIN), revents: 0)
            return poll(&request, 1, 0) == 1 && request.revents & Int16(POLLIN) != 0
        }
    }

    // MARK: Waiting

    /// Ends all waiting from here on. A waiting task is resumed, and data that is already in the pipe can still be
    /// read.
    func stop() {
        wake { $0.isStopped = true }
    }

    /// From here on, a wait that takes longer than this stops the pipe.
    func limitSilence(to patience: Duration) {
        state.withLock { state in
            state.patience = patience
            if state.waiting != nil { startTimer(&state) }
        }
    }

    /// Whether the pipe was stopped because a wait took too long.
    var hasFallenSilent: Bool { state.withLock { $0.hasFallenSilent } }

    /// - Returns: `false` if the pipe is stopped.
    private func wait() async -> Bool {
        await withCheckedContinuation { continuation in
            let mustWait = state.withLock { state in
                if state.isReady || state.isStopped {
                    state.isReady = false
                    return false
                }
                state.waiting = continuation
                startTimer(&state)
                return true
            }
            if !mustWait { continuation.resume() }
        }
        return state.withLock { !$0.isStopped }
    }

    private func startTimer(_ state: inout State) {
        guard let patience = state.patience else { return }
        state.timer = loop.schedule(after: patience) { [weak self] in
            self?.wake { state in
                guard state.waiting != nil else { return }
                state.isStopped = true
                state.hasFallenSilent = true
            }
        }
    }

    private func wake(_ change: (inout State) -> Void) {
        let (waiting, timer) = state.withLock { state in
            change(&state)
            defer { (state.waiting, state.timer) = (nil, nil) }
            return (state.waiting, state.timer)
        }
        timer?.cancel()
        waiting?.resume()
    }
}
