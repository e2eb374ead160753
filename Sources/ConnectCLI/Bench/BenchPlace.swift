import ConnectTo

/// Where the tasks of a measurement run.
enum BenchPlace {
    /// Does something where `--loop` says: on the loop, or where a program's tasks run that says nothing.
    static func run<Result: Sendable>(
        onLoop: Bool, _ work: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        try await Task(executorPreference: onLoop ? EventLoop.shared.executor : nil) { try await work() }
            .value
    }

    /// What `--spin` asks for: longer than a round trip takes.
    static func spin() throws(PortError) {
        try EventLoop.shared.spinTime = .milliseconds(1)
    }
}
