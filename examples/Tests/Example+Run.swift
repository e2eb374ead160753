import ConnectToTesting
import Subprocess
import SystemPackage

/// Runs an example on the test's own bus while a closure runs, which it does not outlive.
func withExample<Result: Sendable>(
    _ example: Example, _ arguments: String..., body: (TalkingProcess) async throws -> Result
) async throws -> Result {
    try await withProcess(
        example.executable, example.arguments + arguments, environment: try example.environment, body: body)
}

/// Runs an example to its end on the test's own bus.
///
/// - Returns: whether it ended well, its exit code (nil: a signal ended it), and what it wrote to standard output and
///   standard error.
func outcome(
    of example: Example, _ arguments: String...
) async throws -> (isSuccess: Bool, exitCode: Int32?, output: String, errors: String) {
    try await outcome(of: example, arguments)
}

func outcome(
    of example: Example, _ arguments: [String]
) async throws -> (isSuccess: Bool, exitCode: Int32?, output: String, errors: String) {
    let result = try await run(
        .path(FilePath(example.executable)), arguments: Arguments(example.arguments + arguments),
        environment: try example.environment, input: .none, output: .string(limit: 1 << 20),
        error: .string(limit: 1 << 20))
    var exitCode: Int32?
    if case .exited(let code) = result.terminationStatus { exitCode = code }
    return (exitCode == 0, exitCode, result.standardOutput, result.standardError)
}
