import LinuxIO
import Subprocess
import SystemPackage

/// Runs a closure with a bus of its own, and ends the bus when the closure ends, however it ends.
///
///     try await withPrivateBus { bus in
///         let connection = try await Bus.at(bus.address)
///         …
///         bus.kill()
///         …
///     }
///
/// The bus is `dbus-daemon`; with `CONNECTTO_TEST_BUS=broker` in the environment, `dbus-broker`, which starts no
/// services. Of everything a bus needs nothing is shared: the daemon gets a configuration, a socket and a
/// log of its own in a fresh directory under `/tmp` (not `TMPDIR`: a socket's path has 107 bytes at most).
/// The environment is neither read nor changed. When this returns or throws, the daemon has exited and the
/// directory is gone. If the task is cancelled the daemon is killed at once, and the closure sees its
/// connections end.
///
/// - Parameters:
///   - services: a directory of `.service` files, which the bus starts when somebody calls their names; by
///     default it starts none. The daemon's environment, which they get, is this process's own.
///   - body: runs where the caller runs.
/// - Returns: what the closure returns.
/// - Throws: ``PrivateBusError`` if there is no bus to be had, `CancellationError` if the task was cancelled
///   before it was up; else what the closure throws.
nonisolated(nonsending) public func withPrivateBus<Result>(
    services: String? = nil, _ body: (PrivateBus) async throws -> Result
) async throws -> Result {
    try await withPrivateBus(
        of: .chosen, startingWithin: .seconds(10), configuration: BusConfiguration(services: services), body)
}

/// The same with another program, another configuration, and a limit for its start: a daemon needs some ten
/// milliseconds to listen; on a machine that is overloaded, much more.
nonisolated(nonsending) package func withPrivateBus<Result>(
    of program: BusProgram = .chosen, startingWithin limit: Duration = .seconds(10),
    configuration: BusConfiguration, _ body: (PrivateBus) async throws -> Result
) async throws -> Result {
    try Task.checkCancellation()
    return try await withTemporaryDirectory(prefix: "connectto-bus") { directory in
        let configurationFile = directory.appending("bus.conf")
        let log = directory.appending("log")
        try configuration.write(to: configurationFile, socket: directory.appending("bus"))
        let launch = try program.launch(in: directory, configuration: configurationFile, log: log)
        let logDescriptor = try FileDescriptor.open(
            log, .writeOnly, options: [.create, .closeOnExec, .append], permissions: .ownerReadWrite)
        // Not the value of `run`, which lets only Sendable ones pass.
        var result: Result?
        var isUp = false
        do {
            _ = try await run(
                launch.program.contains("/") ? .path(FilePath(launch.program)) : .name(launch.program),
                arguments: launch.arguments,
                environment: launch.environment,
                input: .fileDescriptor(launch.input, closeAfterSpawningProcess: true),
                output: .sequence,
                error: .fileDescriptor(logDescriptor, closeAfterSpawningProcess: true)
            ) { execution in
                let child = execution.processIdentifier.value
                var daemon = DaemonProcess(child)
                // The exit status is taken after this closure, never before.
                defer {
                    daemon.kill()
                    daemon.release()
                }
                let address = try await firstLine(
                    of: execution.standardOutput, or: launch.journal, within: limit, log: log)
                let worker = try launch.journal.flatMap { _ in try WorkerProcess(childOf: child) }
                daemon = DaemonProcess(child, worker: worker)
                isUp = true
                let bus = PrivateBus(
                    address: address, processID: worker?.processID ?? child, directory: directory.string,
                    daemon: daemon)
                result = try await body(bus)
            }
        } catch let error as SubprocessError where !isUp && error.code == .executableNotFound {
            throw PrivateBusError.daemonMissing
        }
        guard let result else { preconditionFailure("the closure has neither returned nor thrown") }
        return result
    }
}

/// What the daemon prints when it listens, and only then, its address; or what the journal has for it.
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
