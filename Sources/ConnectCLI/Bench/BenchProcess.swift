import ConnectTo
import ConnectToLinux
import Subprocess
import SystemPackage

/// The other process of `connect bench`: this program again, with a line of its own as its standard input.
enum BenchProcess {
    /// Runs it while a closure talks to it on the line.
    /// - Throws: ``Failure`` 74 where it cannot be started, and what the closure throws.
    static func run<Result: Sendable>(
        _ arguments: [String], body: @escaping @Sendable (MessagePort) async throws -> Result
    ) async throws -> Result {
        let (near, far) = try StreamSocket.pair()
        let control = MessagePort(adopting: near, on: try EventLoop.shared)
        let descriptor = FileDescriptor(rawValue: far.descriptor.rawValue)
        let outcome = try await Subprocess.run(
            .path("/proc/self/exe"), arguments: Arguments(arguments),
            input: .fileDescriptor(descriptor, closeAfterSpawningProcess: false), output: .discarded,
            error: .currentStandardError
        ) { _ in
            // It ends with its line, also where something is thrown.
            defer { control.close() }
            return try await body(control)
        }
        withExtendedLifetime(far) {}
        return outcome.closureResult
    }
}
