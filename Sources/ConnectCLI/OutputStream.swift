import Glibc
import LinuxIO
import SystemPackage

/// Standard output or standard error: whole pieces, never mixed, written by a thread that may block.
///
/// What is written while the thread writes goes out with its next call, so many small lines share a call. A slow
/// reader slows the writers down: each waits while more than ``limit`` bytes are pending. Nothing is dropped.
final class OutputStream: Sendable {
    /// How much may be pending before writers wait, in bytes.
    static let limit = 256 << 10

    private struct State {
        var pending: [UInt8] = []
        var isWriting = false
        var failure: SystemError?
        var failureHandler: (@Sendable (SystemError) -> Void)?
        var waitingForRoom: [CheckedContinuation<Void, Never>] = []
        var waitingForEnd: [CheckedContinuation<Void, Never>] = []
        /// Once there is something to write: many a call writes nothing.
        var thread: WorkerThread?
    }

    /// Set once it is known that nobody reads it any more.
    let readerGone = Latch<Void>()

    private let descriptor: Int32
    private let name: String
    private let state = Lock(State())

    /// - Parameter name: of its thread.
    init(descriptor: Int32, name: String) {
        self.descriptor = descriptor
        self.name = name
    }

    /// Takes the thread and the descriptor that writing needs, for a process whose peers can leave it without.
    func prepare() throws(SystemError) {
        try state.withLock { state throws(SystemError) in
            if state.thread == nil { state.thread = try WorkerThread(name: name) }
        }
    }

    /// Writes a piece, followed by a newline.
    ///
    /// Returns once the piece is accepted and there is room for another.
    /// - Throws: ``SystemError`` of `write`, for every piece from the first that could not be written; or where the
    ///   process has no descriptors or threads left.
    func writeLine(_ piece: RawSpan) throws(SystemError) -> Room {
        try write(piece, terminator: [0x0A])
    }

    /// Writes a piece as it is. From any thread; waits for nothing.
    func write(_ text: String) throws(SystemError) {
        _ = try write(Array(text.utf8).span.bytes, terminator: [])
    }

    private func write(_ piece: RawSpan, terminator: [UInt8]) throws(SystemError) -> Room {
        let (idle, isFull) = try state.withLock { state throws(SystemError) -> (WorkerThread?, Bool) in
            if let failure = state.failure { throw failure }
            if state.thread == nil { state.thread = try WorkerThread(name: name) }
            piece.withUnsafeBytes { state.pending.append(contentsOf: $0) }
            state.pending += terminator
            defer { state.isWriting = true }
            return (state.isWriting ? nil : state.thread, state.pending.count > Self.limit)
        }
        idle?.execute { self.writePending() }
        return Room(stream: isFull ? self : nil)
    }

    func writeLine(_ piece: [UInt8]) async throws(SystemError) {
        try await writeLine(piece.span.bytes).available()
    }

    /// Writes a piece here and now, for a last word where there is no thread to write it. Waits for whoever reads it.
    /// - Throws: ``SystemError`` of `write`.
    func writeAtOnce(_ piece: [UInt8]) throws(SystemError) {
        try write(piece)
    }

    /// Has it told when something cannot be written, on the thread that writes: whoever writes next would learn it only
    /// then.
    func onFailure(_ handler: @escaping @Sendable (SystemError) -> Void) {
        state.withLock { $0.failureHandler = handler }
    }

    /// What is to be awaited before the next piece.
    struct Room: Sendable {
        fileprivate let stream: OutputStream?

        func available() async {
            guard let stream else { return }
            await withCheckedContinuation { continuation in
                let hasRoom = stream.state.withLock { state in
                    if state.pending.count <= OutputStream.limit { return true }
                    state.waitingForRoom.append(continuation)
                    return false
                }
                if hasRoom { continuation.resume() }
            }
        }
    }

    /// Waits until everything has been written.
    /// - Throws: ``SystemError`` if not all of it could be.
    func flush() async throws(SystemError) {
        await withCheckedContinuation { continuation in
            let isDone = state.withLock { state in
                if !state.isWriting { return true }
                state.waitingForEnd.append(continuation)
                return false
            }
            if isDone { continuation.resume() }
        }
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }

    // MARK: On the thread

    private func writePending() {
        while let piece = nextPiece() {
            do throws(SystemError) {
                try write(piece)
            } catch {
                let handler = state.withLock { state in
                    state.failure = error
                    return state.failureHandler
                }
                handler?(error)
            }
        }
    }

    /// Takes what is pending, or notes that the thread rests; wakes whoever waited for that.
    private func nextPiece() -> [UInt8]? {
        let (piece, waiters) = state.withLock { state in
            var waiters = state.waitingForRoom
            state.waitingForRoom = []
            var piece: [UInt8]? = state.pending
            state.pending = []
            if state.failure != nil || piece?.isEmpty == true {
                piece = nil
                state.isWriting = false
                waiters += state.waitingForEnd
                state.waitingForEnd = []
            }
            return (piece, waiters)
        }
        for waiter in waiters { waiter.resume() }
        return piece
    }

    private func write(_ piece: [UInt8]) throws(SystemError) {
        var done = 0
        while done < piece.count {
            let written = try systemCallUnlessBlocked("write") {
                piece.withUnsafeBytes {
                    Glibc.write(descriptor, $0.baseAddress.map { $0 + done }, $0.count - done)
                }
            }
            if let written {
                done += written
            } else {
                // Somebody who shares the descriptor has made it O_NONBLOCK.
                var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&request, 1, -1)
            }
        }
    }
}
