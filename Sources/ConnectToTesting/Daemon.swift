import ConnectToLinux
import Glibc
import Subprocess
import SystemPackage

/// The daemon of a private bus: started, killed and started again, always at the same address.
final class Daemon: Sendable {
    private let program: BusProgram
    private let directory: FilePath
    private let lifeline: Lifeline
    private let limit: Duration
    private let state = Lock(State())

    private struct State {
        var process: DaemonProcess?
        /// The process id of the bus itself.
        var processID: Int32 = 0
        /// Ends when the exit status of the process has been taken.
        var running: Task<Void, Never>?
        var isOver = false
        var printedAddress = ""
    }

    private var log: FilePath { directory.appending("log") }

    init(
        _ program: BusProgram, in directory: FilePath, tiedTo lifeline: Lifeline, startingWithin limit: Duration
    ) {
        self.program = program
        self.directory = directory
        self.lifeline = lifeline
        self.limit = limit
    }

    /// The process id of the bus that runs, or ran last; 0 before the first.
    var processID: Int32 { state.withLock { $0.processID } }

    /// What the bus printed when it was up: its address with the id of the server, which is another one after each
    /// start.
    var printedAddress: String { state.withLock { $0.printedAddress } }

    /// Starts the program, and returns when it listens.
    /// - Throws: ``PrivateBusError``, or `CancellationError`.
    func start() async throws {
        let isUp = Latch<Result<Void, any Error>>()
        let running = Task {
            do {
                try await run { isUp.set(.success(())) }
            } catch let error as SubprocessError where error.code == .executableNotFound {
                isUp.set(.failure(PrivateBusError.daemonMissing))
            } catch {
                isUp.set(.failure(error))
            }
        }
        state.withLock { $0.running = running }
        let result = await withTaskCancellationHandler {
            await isUp.wait()
        } onCancel: {
            running.cancel()
        }
        guard let result else {
            await running.value
            throw CancellationError()
        }
        try result.get()
    }

    private func run(whenUp: @Sendable () -> Void) async throws {
        let errors = try FileDescriptor.open(
            log, .writeOnly, options: [.create, .closeOnExec, .append], permissions: .ownerReadWrite)
        // Remove what a bus before this one has left there.
        for name in ["bus", "journal"] { unlink(directory.appending(name).string) }
        let launch = try program.launch(
            in: directory, configuration: directory.appending("bus.conf"), log: log)
        _ = try await Subprocess.run(
            launch.program.contains("/") ? .path(FilePath(launch.program)) : .name(launch.program),
            arguments: launch.arguments,
            environment: launch.environment,
            input: .fileDescriptor(launch.input, closeAfterSpawningProcess: true),
            output: .sequence,
            error: .fileDescriptor(errors, closeAfterSpawningProcess: true)
        ) { execution in
            let child = execution.processIdentifier.value
            var process = DaemonProcess(child)
            // The exit status is taken after this closure, never before.
            defer {
                process.kill()
                process.release()
            }
            try lifeline.tie(child)
            try adopt(process, child)
            let address = try await firstLine(
                of: execution.standardOutput, or: launch.journal, within: limit, log: log)
            if launch.journal != nil, let worker = try WorkerProcess(childOf: child) {
                process = DaemonProcess(child, worker: worker)
                try adopt(process, worker.processID)
            }
            state.withLock { $0.printedAddress = address }
            whenUp()
            await process.isKilled.wait()
        }
    }

    /// Enters the process, so that it can be killed from here on.
    private func adopt(_ process: DaemonProcess, _ processID: Int32) throws {
        let mayRun = state.withLock { state in
            state.process = process
            state.processID = processID
            return !state.isOver
        }
        if !mayRun { throw CancellationError() }
    }

    /// Kills the bus as `SIGKILL` does; returns when the process is gone.
    func kill() {
        state.withLock { $0.process }?.kill()
    }

    /// Kills the bus, takes its exit status, and starts it again.
    func restart() async throws {
        kill()
        await state.withLock { $0.running }?.value
        if state.withLock({ $0.isOver }) { return }
        try await start()
    }

    /// Kills the bus for good: it is not started again.
    func end() {
        state.withLock { $0.isOver = true }
        kill()
    }

    /// Returns when nothing is left of the bus.
    func hasEnded() async {
        await state.withLock { $0.running }?.value
    }
}

/// The address that the daemon prints once it listens, and not before; or the address that the journal reports.
private func firstLine(
    of output: SubprocessOutputSequence, or journal: Journal?, within limit: Duration, log: FilePath
) async throws -> String {
    try await withThrowingTaskGroup { group in
        group.addTask { () -> String? in
            for try await line in output.strings() { return line }
            try Task.checkCancellation()
            throw PrivateBusError.startFailed(log: text(of: log))
        }
        if let journal {
            group.addTask { () -> String? in await journal.address() }
        }
        group.addTask { () -> String? in
            try await Task.sleep(for: limit)
            return nil
        }
        defer { group.cancelAll() }
        guard let address = try await group.next() ?? nil else {
            try Task.checkCancellation()
            throw PrivateBusError.startTimedOut(after: limit, log: text(of: log))
        }
        return address
    }
}

/// Up to 4 KiB of a file.
func text(of file: FilePath) -> String {
    guard let descriptor = try? FileDescriptor.open(file, .readOnly, options: .closeOnExec) else { return "" }
    let bytes = [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
        count = (try? descriptor.read(into: UnsafeMutableRawBufferPointer(buffer))) ?? 0
    }
    try? descriptor.close()
    return String(decoding: bytes, as: UTF8.self)
}
