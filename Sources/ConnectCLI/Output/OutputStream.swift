import ConnectToLinux
import Glibc
import SystemPackage

/// Standard output or standard error: whole lines, never mixed, written by a thread that may block.
///
/// What is written while the thread writes goes out with its next call, so many small lines share a call. A slow
/// reader slows the writers down: each waits while more than ``limit`` bytes are pending, and so nothing of what they
/// have is copied before there is room for it. Nothing is dropped.
final class OutputStream: Sendable {
    /// How much may be pending before writers wait, in bytes.
    static let limit = 256 << 10
    private static let newline: [UInt8] = [0x0A]

    private struct State {
        var pending: [UInt8] = []
        var isWriting = false
        var failure: SystemError?
        var failureHandler: (@Sendable (SystemError) -> Void)?
        /// Somebody is in the middle of a line.
        var isTaken = false
        var waitingForTurn: [CheckedContinuation<Void, Never>] = []
        /// Of whoever has the turn.
        var waitingForRoom: CheckedContinuation<Void, Never>?
        var waitingForEnd: [CheckedContinuation<Void, Never>] = []
        /// Once there is something to write: many a call writes nothing.
        var thread: WorkerThread?

        var hasRoom: Bool { pending.count <= OutputStream.limit || failure != nil }
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

    /// Writes a line, in pieces that are made when there is room for them. Returns once all have been accepted.
    ///
    /// - Parameter pieces: without the newline, which is added here.
    /// - Throws: ``SystemError`` of `write`, for every piece from the first that could not be written; or where the
    ///   process has no descriptors or threads left.
    func writeLine(_ pieces: some IteratorProtocol<[UInt8]> & Sendable) async throws(SystemError) {
        var pieces = pieces
        let first = pieces.next() ?? []
        var piece = pieces.next()
        if piece == nil, try writeLineAtOnce(first.span.bytes) { return }
        await takeTurn()
        defer { giveTurn() }
        await room()
        try append(first.span.bytes)
        while let next = piece {
            await room()
            try append(next.span.bytes)
            piece = pieces.next()
        }
        try append(Self.newline.span.bytes)
    }

    func writeLine(_ line: [UInt8]) async throws(SystemError) {
        try await writeLine(CollectionOfOne(line).makeIterator())
    }

    /// Writes a line where that needs no waiting.
    /// - Returns: false where it does; then nothing is written.
    func writeLineAtOnce(_ line: RawSpan) throws(SystemError) -> Bool {
        try append(line, terminator: Self.newline, isPatient: false)
    }

    /// Writes a piece as it is. From any thread; waits for nothing.
    func write(_ text: String) throws(SystemError) {
        try append(Array(text.utf8).span.bytes)
    }

    private func append(_ piece: RawSpan) throws(SystemError) {
        _ = try append(piece, terminator: [], isPatient: true)
    }

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

    // MARK: Waiting

    /// Waits until nobody else is in the middle of a line.
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
    /// - Throws: ``SystemError`` if not all of it could be.
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

    /// Takes what is pending, or notes that the thread rests; wakes whoever waited for that.
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
                // Somebody who shares the descriptor has made it O_NONBLOCK.
                var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&request, 1, -1)
            }
        }
    }
}
