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
/// Of everything a bus needs nothing is shared: the daemon gets a configuration, a socket and a
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
        of: "dbus-daemon", startingWithin: .seconds(10), services: services, body)
}

/// The same with another program, and a limit for its start: a daemon needs some ten milliseconds to listen; on
/// a machine that is overloaded, much more.
nonisolated(nonsending) package func withPrivateBus<Result>(
    of program: String, startingWithin limit: Duration, services: String?,
    _ body: (PrivateBus) async throws -> Result
) async throws -> Result {
    try Task.checkCancellation()
    return try await withTemporaryDirectory(prefix: "connectto-bus") { directory in
        let configuration = directory.appending("bus.conf")
        let log = directory.appending("log")
        try BusConfiguration(
            socket: directory.appending("bus").string, services: services
        ).write(to: configuration)
        let logDescriptor = try FileDescriptor.open(
            log, .writeOnly, options: [.create, .closeOnExec, .append], permissions: .ownerReadWrite)
        // Not the value of `run`, which lets only Sendable ones pass.
        var result: Result?
        var isUp = false
        do {
            _ = try await run(
                program.contains("/") ? .path(FilePath(program)) : .name(program),
                arguments: [
                    "--config-file=\(configuration)", "--nofork", "--nopidfile", "--nosyslog",
                    "--print-address=1",
                ],
                input: .none,
                output: .sequence,
                error: .fileDescriptor(logDescriptor, closeAfterSpawningProcess: true)
            ) { execution in
                let daemon = DaemonProcess(execution.processIdentifier.value)
                // The exit status is taken after this closure, never before.
                defer {
                    daemon.kill()
                    daemon.release()
                }
                let address = try await firstLine(of: execution.standardOutput, within: limit, log: log)
                isUp = true
                let bus = PrivateBus(
                    address: address, processID: execution.processIdentifier.value,
                    directory: directory.string, daemon: daemon)
                result = try await body(bus)
            }
        } catch let error as SubprocessError where !isUp && error.code == .executableNotFound {
            throw PrivateBusError.daemonMissing
        }
        guard let result else { preconditionFailure("the closure has neither returned nor thrown") }
        return result
    }
}

/// What the daemon prints when it listens, and only then: its address.
private func firstLine(of output: SubprocessOutputSequence, within limit: Duration, log: FilePath)
    async throws -> String
{
    try await withThrowingTaskGroup { group in
        group.addTask { () -> String? in
            for try await line in output.strings() { return line }
            try Task.checkCancellation()
            throw PrivateBusError.startFailed(log: text(of: log))
        }
        group.addTask { () -> String? in
            try await Task.sleep(for: limit)
            return nil
        }
        defer { group.cancelAll() }
        guard let address = try await group.next() ?? nil else {
            throw PrivateBusError.startTimedOut(after: limit, log: text(of: log))
        }
        return address
    }
}

/// Up to 4 KiB of a file, for a message.
private func text(of file: FilePath) -> String {
    guard let descriptor = try? FileDescriptor.open(file, .readOnly, options: .closeOnExec) else { return "" }
    let bytes = [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
        count = (try? descriptor.read(into: UnsafeMutableRawBufferPointer(buffer))) ?? 0
    }
    try? descriptor.close()
    return String(decoding: bytes, as: UTF8.self)
}
