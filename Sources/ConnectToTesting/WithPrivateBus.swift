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
/// The bus is `dbus-daemon`; with `CONNECTTO_TEST_BUS=broker` in the environment it is `dbus-broker`, which starts no
/// services. A bus shares nothing with others: the daemon gets a configuration, a socket and a log of its own in a
/// fresh directory under `/tmp` (not `TMPDIR`: a socket's path has 107 bytes at most). Of the rest of the environment
/// only `PATH` is read, and nothing is changed. When this returns or throws, the daemon has exited and the directory
/// is gone. If the task is cancelled, the daemon is killed at once, and the closure sees its connections end. If this
/// process ends before, by Ctrl-C, `exit` or `SIGKILL`, the kernel kills the daemon, and a shell that waits for that
/// (`/bin/sh`, a child of this process) removes the directory.
///
/// - Parameters:
///   - services: a directory of `.service` files, whose programs the bus starts when a program calls their names; by
///     default it starts none. The programs get the daemon's environment, which is this process's own.
///   - body: runs where the caller runs.
/// - Returns: what the closure returns.
/// - Throws: ``PrivateBusError`` if no bus could be started, `CancellationError` if the task was cancelled before the
///   bus was up; else what the closure throws.
nonisolated(nonsending) public func withPrivateBus<Result>(
    services: String? = nil, _ body: (PrivateBus) async throws -> Result
) async throws -> Result {
    try await withPrivateBus(
        of: .chosen, startingWithin: .seconds(10), configuration: BusConfiguration(services: services), body)
}

/// The same with another program, another configuration, and a limit for the start. A daemon needs some ten
/// milliseconds until it listens, and much more on a machine that is overloaded.
nonisolated(nonsending) package func withPrivateBus<Result>(
    of program: BusProgram = .chosen, startingWithin limit: Duration = .seconds(10),
    configuration: BusConfiguration, _ body: (PrivateBus) async throws -> Result
) async throws -> Result {
    try Task.checkCancellation()
    return try await withTemporaryDirectory(prefix: "connectto-bus") { directory, lifeline in
        let socket = directory.appending("bus")
        try configuration.write(to: directory.appending("bus.conf"), socket: socket)
        let daemon = Daemon(program, in: directory, tiedTo: lifeline, startingWithin: limit)
        let outcome: Swift.Result<Result, any Error>
        do {
            outcome = .success(
                try await withTaskCancellationHandler {
                    try await daemon.start()
                    return try await body(
                        PrivateBus(
                            address: "unix:path=\(socket)", directory: directory.string, daemon: daemon))
                } onCancel: {
                    daemon.end()
                })
        } catch {
            outcome = .failure(error)
        }
        daemon.end()
        await daemon.hasEnded()
        return try outcome.get()
    }
}
