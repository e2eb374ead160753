import ConnectToLinux
import Glibc
import SystemPackage

/// Standard input, split into text lines, on a thread of its own that may block.
///
/// It is read only when a caller asks for text lines, and only while ``gate`` is open. A terminal is read only while
/// this process is in its foreground, so that a background job is not stopped.
actor StandardInput {
    /// What is left of the input after reading was stopped.
    enum Remainder: Sendable, Equatable {
        /// Nothing: all of it has been returned.
        case none
        /// Text lines that have not been returned.
        case lines
        /// The input has not ended, but nothing can be read now.
        case open
    }

    nonisolated let gate: InputGate
    nonisolated let isTerminal: Bool
    /// Whether a read is waiting for more input or its end.
    nonisolated var isAwaited: Bool { isBeingRead.withLock { $0 } }
    nonisolated let unownedExecutor: UnownedSerialExecutor

    private let thread: WorkerThread
    private let descriptor: Int32
    private let limit: Int
    private var splitter: TextLineSplitter
    private var hasEnded = false
    private var isThreadReady = false
    private let isBeingRead = Lock(false)

    private static let chunk = 64 << 10

    init(descriptor: Int32 = 0, limit: Int = TextLineSplitter.defaultLimit) throws(SystemError) {
        self.descriptor = descriptor
        self.limit = limit
        splitter = TextLineSplitter(limit: limit)
        thread = try WorkerThread(name: "stdin")
        unownedExecutor = thread.asUnownedSerialExecutor()
        gate = try InputGate()
        isTerminal = isatty(descriptor) == 1
    }

    /// The next text lines without their newlines, at least one; `nil` at the end, or when the gate was stopped.
    ///
    /// All text lines of one read are returned together: a change of threads for each would be most of its cost. A last
    /// text line without a newline counts. Only one caller at a time, since the thread blocks in here.
    /// - Throws: ``Failure``: 65 for a text line that is too long, after the ones before it have been returned; 74 if
    ///   reading fails.
    func next() throws(Failure) -> [[UInt8]]? {
        while true {
            let lines = try whole()
            if !lines.isEmpty { return lines }
            if hasEnded { return nil }
            if let chunk = try read() {
                splitter.append(chunk)
            } else if gate.isStopped {
                return nil
            } else {
                hasEnded = true
            }
        }
    }

    /// The whole input up to its end, for one message; `nil` when the gate was stopped before.
    /// - Throws: ``Failure``: 65 if the input is longer than the limit; 74 if reading fails.
    func everything() throws(Failure) -> [UInt8]? {
        var bytes: [UInt8] = []
        while let chunk = try read() {
            bytes += chunk
            if bytes.count > limit {
                throw Failure(
                    .unsendable,
                    "standard input is longer than a message may be (\(limit >> 20) MiB); pass it with --file, or use --raw"
                )
            }
        }
        if gate.isStopped { return nil }
        hasEnded = true
        return bytes
    }

    /// The complete text lines that have been read; after the end of the input also the last one without a newline.
    private func whole() throws(Failure) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        do throws(TextLineSplitter.TooLong) {
            while let line = try splitter.next() { lines.append(line) }
            if hasEnded, let rest = try splitter.rest() { lines.append(rest) }
        } catch {
            // The next call throws the error, since it finds no complete text line before the long one.
            if !lines.isEmpty { return lines }
            throw Failure(
                .unsendable,
                "a line of standard input is longer than a message may be (\(error.limit >> 20) MiB); send it in pieces"
            )
        }
        return lines
    }

    /// Stops the reading, and returns what is left. A `next()` in progress returns first.
    nonisolated func stop() async -> Remainder {
        gate.stop()
        return await remainder()
    }

    /// Stops the reading. Returns whether there is input that was not taken. A terminal that is merely open does not
    /// count: the person there sees that the peer has gone.
    nonisolated func stopsShort() async -> Bool {
        let remainder = await stop()
        return remainder == .lines || remainder == .open && !isTerminal
    }

    private func remainder() -> Remainder {
        var splitter = splitter
        if (try? splitter.next()) != nil { return .lines }
        if hasEnded { return (try? splitter.rest()) == nil ? .none : .lines }
        if isTerminal { return .open }
        var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&request, 1, 0) == 1 else { return .open }
        var byte: UInt8 = 0
        switch Glibc.read(descriptor, &byte, 1) {
        case 0: return .none
        case 1: return .lines
        default: return .open
        }
    }

    // MARK: Reading

    /// Waits until the input may be read, and reads; `nil` at the end, or when the gate was stopped.
    private func read() throws(Failure) -> [UInt8]? {
        if !isThreadReady {
            isThreadReady = true
            TerminalJob.blockSignalInThisThread()
        }
        isBeingRead.withLock { $0 = true }
        defer { isBeingRead.withLock { $0 = false } }
        while !gate.isStopped {
            guard gate.isOpen else {
                _ = gate.wait(orReadable: nil)
                continue
            }
            guard gate.wait(orReadable: descriptor) == .readable, gate.isOpen else { continue }
            if TerminalJob.isInBackground(of: descriptor) {
                _ = gate.wait(orReadable: nil, milliseconds: TerminalJob.check)
                continue
            }
            if let chunk = try readNow() { return chunk.isEmpty ? nil : chunk }
        }
        return nil
    }

    /// Empty at the end of the input; `nil` if this process cannot read it at this moment.
    private func readNow() throws(Failure) -> [UInt8]? {
        var count: Int?
        var failure: SystemError?
        let chunk = [UInt8](unsafeUninitializedCapacity: Self.chunk) { room, filled in
            do throws(SystemError) {
                count = try systemCallUnlessBlocked("read") {
                    Glibc.read(descriptor, room.baseAddress, room.count)
                }
            } catch { failure = error }
            filled = count ?? 0
        }
        guard let failure else { return count == nil ? nil : chunk }
        if failure.errno == .ioError, isTerminal {
            // Either this process has moved to the background since the check, or the terminal was hung up.
            return TerminalJob.isInBackground(of: descriptor) ? nil : []
        }
        throw Failure(
            .inputOutput, "standard input cannot be read (\(failure)); check what it is redirected from")
    }
}
