import ConnectToLinux
import Glibc
import SystemPackage

/// Standard input, line by line, on a thread of its own that may block.
///
/// It is read only when somebody asks for a line, only while ``gate`` is open, and, if it is a terminal, only
/// while this process is in the terminal's foreground, so that a job in the background is not stopped.
actor StandardInput {
    /// How the input stood when it was stopped.
    enum Remainder: Sendable, Equatable {
        /// All of it has been handed out.
        case none
        /// Lines are left that nobody has taken.
        case lines
        /// It could go on, but nothing is there now.
        case open
    }

    nonisolated let gate: InputGate
    nonisolated let isTerminal: Bool
    /// Whether somebody waits for it to go on or to end.
    nonisolated var isAwaited: Bool { isBeingRead.withLock { $0 } }
    nonisolated let unownedExecutor: UnownedSerialExecutor

    private let thread: WorkerThread
    private let descriptor: Int32
    private let limit: Int
    private var splitter: LineSplitter
    private var hasEnded = false
    private var isThreadReady = false
    private let isBeingRead = Lock(false)

    private static let chunk = 64 << 10

    init(descriptor: Int32 = 0, limit: Int = LineSplitter.defaultLimit) throws(SystemError) {
        self.descriptor = descriptor
        self.limit = limit
        splitter = LineSplitter(limit: limit)
        thread = try WorkerThread(name: "stdin")
        unownedExecutor = thread.asUnownedSerialExecutor()
        gate = try InputGate()
        isTerminal = isatty(descriptor) == 1
    }

    /// The next lines without their newlines, at least one; `nil` at the end, or when the gate was stopped.
    ///
    /// What one read brought comes at once: a change of threads for each line would be most of its cost. A last
    /// line without a newline counts. One caller at a time: the thread waits in here.
    /// - Throws: ``Failure``: 65 for a line that is too long, once those before it have been handed out; 74 where
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

    /// All of it, to its end, for one message; `nil` when the gate was stopped before.
    /// - Throws: ``Failure``: 65 where it is longer than the limit; 74 where reading fails.
    func everything() throws(Failure) -> [UInt8]? {
        var bytes: [UInt8] = []
        while let chunk = try read() {
            bytes += chunk
            if bytes.count > limit {
                throw Failure(
                    .unsendable,
                    "the input is longer than a message may be (\(limit >> 20) MiB); pass it with --file, or use --raw"
                )
            }
        }
        if gate.isStopped { return nil }
        hasEnded = true
        return bytes
    }

    /// The whole lines of what has been read; the last one without its newline, once all has been.
    private func whole() throws(Failure) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        do throws(LineSplitter.TooLong) {
            while let line = try splitter.next() { lines.append(line) }
            if hasEnded, let rest = try splitter.rest() { lines.append(rest) }
        } catch {
            // Thrown again with the next call, then with nothing before it.
            if !lines.isEmpty { return lines }
            throw Failure(
                .unsendable,
                "a line of the input is longer than a message may be (\(error.limit >> 20) MiB); send it in pieces"
            )
        }
        return lines
    }

    /// Ends the reading, and says what is left. A `next()` under way returns first.
    nonisolated func stop() async -> Remainder {
        gate.stop()
        return await remainder()
    }

    /// Ends the reading. Whether there is input that was not taken; whoever sits at a terminal sees that the peer has
    /// gone.
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

    /// Waits until something may be read, and reads it; `nil` at the end, or when the gate was stopped.
    private func read() throws(Failure) -> [UInt8]? {
        if !isThreadReady {
            isThreadReady = true
            BackgroundJob.blockSignalInThisThread()
        }
        isBeingRead.withLock { $0 = true }
        defer { isBeingRead.withLock { $0 = false } }
        while !gate.isStopped {
            guard gate.isOpen else {
                _ = gate.wait(orReadable: nil)
                continue
            }
            guard gate.wait(orReadable: descriptor) == .readable, gate.isOpen else { continue }
            if BackgroundJob.isBehind(descriptor) {
                _ = gate.wait(orReadable: nil, milliseconds: BackgroundJob.check)
                continue
            }
            if let chunk = try readNow() { return chunk.isEmpty ? nil : chunk }
        }
        return nil
    }

    /// Empty at the end of the input, `nil` where it is not ours to read just now.
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
            // Either moved to the background since we looked, or the terminal was hung up.
            return BackgroundJob.isBehind(descriptor) ? nil : []
        }
        throw Failure(
            .inputOutput, "standard input cannot be read (\(failure)); check what it is redirected from")
    }
}
