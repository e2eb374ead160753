import ConnectToTesting
import Glibc
import Subprocess
import SystemPackage

/// An example that runs: reads what is typed, and says lines.
final class ExampleProcess: Sendable {
    private let processID: Int32
    private let lines: AsyncStream<String>
    private let input: StandardInputWriter

    fileprivate init(processID: Int32, lines: AsyncStream<String>, input: StandardInputWriter) {
        self.processID = processID
        self.lines = lines
        self.input = input
    }

    /// The next line that it says; nil once it says no more.
    func line() async -> String? {
        var iterator = lines.makeAsyncIterator()
        return await iterator.next()
    }

    func type(_ line: String) async throws {
        _ = try await input.write(line + "\n")
    }

    /// What is typed has an end.
    func finish() async throws {
        try await input.finish()
    }

    /// As `SIGKILL` does it, with all that it has started. Until the end of its scope the number stays its own.
    func kill() {
        Glibc.kill(-processID, SIGKILL)
    }
}

/// Runs an example on the test's own bus while a closure runs, which it does not outlive.
func withExample<Result: Sendable>(
    _ example: Example, _ arguments: String..., body: (ExampleProcess) async throws -> Result
) async throws -> Result {
    var options = PlatformOptions()
    options.processGroupID = 0
    let outcome = try await run(
        .path(FilePath(example.executable)), arguments: Arguments(example.arguments + arguments),
        environment: try example.environment, platformOptions: options, input: .inputWriter,
        output: .sequence,
        error: .fileDescriptor(.standardError, closeAfterSpawningProcess: false)
    ) { execution in
        let (lines, sink) = AsyncStream<String>.makeStream()
        let output = execution.standardOutput
        let reading = Task {
            defer { sink.finish() }
            for try await line in output.strings() { sink.yield(line) }
        }
        let process = ExampleProcess(
            processID: execution.processIdentifier.value, lines: lines,
            input: execution.standardInputWriter)
        defer { process.kill() }
        let result = try await body(process)
        process.kill()
        try await reading.value
        return result
    }
    return outcome.closureResult
}

/// Runs an example to its end on the test's own bus.
///
/// - Returns: whether it ended well, and what it said.
func outcome(of example: Example, _ arguments: String...) async throws -> (isSuccess: Bool, output: String) {
    let result = try await run(
        .path(FilePath(example.executable)), arguments: Arguments(example.arguments + arguments),
        environment: try example.environment, input: .none, output: .string(limit: 1 << 20), error: .discarded
    )
    return (result.terminationStatus.isSuccess, result.standardOutput)
}
