import ConnectToLinux
import Glibc
import SystemPackage

/// Standard output or standard error: writes whole text lines, never mixed, on a thread that may block.
///
/// Text lines that arrive during a write go out together with the next write, so many small ones share a call. A slow
/// reader slows the writers down: each waits while more than ``limit`` bytes are pending, and copies nothing before
/// there is room. Nothing is dropped. (stdio would block the loop, and cannot tell how much is pending.)
final class OutputStream: Sendable {
    /// How many bytes may be pending before writers wait.
    static let limit = 256 << 10
    private static let newline: [UInt8] = [0x0A]

    private struct State {
        var pending: [UInt8] = []
        var isWriting = false
        var failure: SystemError?
        var failureHandler: (@Sendable (SystemError) -> Void)?
        /// Whether a writer is in the middle of a text line.
        var isTaken = false
        var waitingForTurn: [CheckedContinuation<Void, Never>] = []
        /// The writer that has the turn, and waits for room.
        var waitingForRoom: CheckedContinuation<Void, Never>?
        var waitingForEnd: [CheckedContinuation<Void, Never>] = []
        /// Nil until something is written, because many calls write nothing.
        var thread: WorkerThread?

        var hasRoom: Bool { pending.count <= OutputStream.limit || failure != nil }
    }

    /// Set once it is known that the stream has no reader any more.
    let readerGone = Latch<Void>()

    private let descriptor: Int32
    private let name: String
    private let state = Lock(State())

    /// - Parameter name: the name of the writing thread.
    init(descriptor: Int32, name: String) {
        self.descriptor = descriptor
        self.name = name
    }

    /// Makes the thread and its descriptor now, for a process whose peers can use up its descriptors and threads.
    func prepare() throws(SystemError) {
        try state.withLock { state throws(SystemError) in
            if state.thread == nil { state.thread = try WorkerThread(name: name) }
        }
    }

    /// Writes a text line in pieces, each of which is made when there is room for it. Returns when all have been
    /// accepted.
    ///
    /// - Parameters:
    ///   - pieces: the text line without its newline, which is added here.
    ///   - ending: what is added instead.
    /// - Throws: ``SystemError`` of `write`, for the first piece that could not be written and all later ones; or if
    ///   the process has no descriptors or threads left.
    func writeLine(
        _ pieces: some IteratorProtocol<[UInt8]> & Sendable, ending: [UInt8] = newline
    ) async throws(SystemError) {
        var pieces = pieces
        let first = pieces.next() ?? []
        var piece = pieces.next()
        if piece == nil, try append(first.span.bytes, terminator: ending, isPatient: false) { return }
        await takeTurn()
        defer { giveTurn() }
        await room()
        try append(first.span.bytes)
        while let next = piece {
            await room()
            try append(next.span.bytes)
            piece = pieces.next()
        }
        try append(ending.span.bytes)
    }

    func writeLine(_ line: [UInt8]) async throws(SystemError) {
        try await writeLine(CollectionOfOne(line).makeIterator())
    }

    /// Writes a text without adding a newline. From any thread; never waits.
    func write(_ text: String) throws(SystemError) {
        try append(Array(text.utf8).span.bytes)
    }

    private func append(_ piece: RawSpan) throws(SystemError) {
        _ = try append(piece, terminator: [], isPatient: true)
    }

    /// - Returns: `false` if it would have to wait, and is not patient; then nothing is written.
    private func append(
        _ piece: RawSpan, terminator: [UInt8], isPatient: Bool
    ) throws(SystemError) -> Bool {
        let (isAppended, idle) = try state.withLock { state throws(SystemError) -> (Bool, WorkerThread?) in
            if let failure = state.failure { throw failure }
            if !isPatient, state.isTaken || !state.hasRoom { return (false, nil) }
            if state.thread == nil { state.thread = try WorkerThread(name: name) }
            piece.withUnsafeBytes { state.pending.append(contentsOf: $0) }
            state.pending += terminator
            defer { state.isWriting = true }
            return (true, state.isWriting ? nil : state.thread)
        }
        idle?.execute { self.writePending() }
        return isAppended
    }

    /// Writes a piece in the calling thread, for a last message when there is no thread to write it. Blocks on a slow
    /// reader.
    /// - Throws: ``SystemError`` of `write`.
    func writeAtOnce(_ piece: [UInt8]) throws(SystemError) {
        try write(piece)
    }

    /// Sets a handler that runs on the writing thread as soon as a write fails; otherwise only the next writer would
    /// learn of it.
    func onFailure(_ handler: @escaping @Sendable (SystemError) -> Void) {
        state.withLock { $0.failureHandler = handler }
    }

    // MARK: Waiting

    /// Waits until no other writer is in the middle of a text line.
    private func takeTurn() async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                if !state.isTaken {
                    state.isTaken = true
                    return true
                }
                state.waitingForTurn.append(continuation)
                return false
            }
            if isFree { continuation.resume() }
        }
    }

    private func giveTurn() {
        let next = state.withLock { state in
            state.isTaken = !state.waitingForTurn.isEmpty
            return state.isTaken ? state.waitingForTurn.removeFirst() : nil
        }
        next?.resume()
    }

    private func room() async {
        await withCheckedContinuation { continuation in
            let hasRoom = state.withLock { state in
                if state.hasRoom { return true }
                state.waitingForRoom = continuation
                return false
            }
            if hasRoom { continuation.resume() }
        }
    }

    /// Waits until everything has been written.
    /// - Throws: ``SystemError`` if something could not be written.
    func flush() async throws(SystemError) {
        await takeTurn()
        giveTurn()
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

    /// Takes the pending bytes, and resumes the writer that waits for room. If none are pending, records that the
    /// thread is idle, and resumes those that wait for the end.
    private func nextPiece() -> [UInt8]? {
        let (piece, waiters) = state.withLock { state in
            var waiters = [state.waitingForRoom].compactMap(\.self)
            state.waitingForRoom = nil
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
                // A process that shares the descriptor has set O_NONBLOCK on it.
                var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&request, 1, -1)
            }
        }
    }
}
