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
/// services. Of everything a bus needs nothing is shared: the daemon gets a configuration, a socket and a log of its
/// own in a fresh directory under `/tmp` (not `TMPDIR`: a socket's path has 107 bytes at most). Nothing else of the
/// environment is looked at but `PATH`, and nothing is changed. When this returns or throws, the daemon has exited and
/// the directory is gone. If the task is cancelled the daemon is killed at once, and the closure sees its connections
/// end. If this process ends before, by Ctrl-C, `exit` or `SIGKILL`, both go with it: the kernel kills the daemon, and
/// a shell that waits for that, `/bin/sh`, a child of this process, removes the directory.
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
