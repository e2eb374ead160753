import Glibc
package import Subprocess
import SystemPackage

/// Another process, which talks in lines and can be killed.
package final class TalkingProcess: Sendable {
    package let processID: Int32
    private let lines: AsyncStream<String>
    private let input: StandardInputWriter

    fileprivate init(processID: Int32, lines: AsyncStream<String>, input: StandardInputWriter) {
        self.processID = processID
        self.lines = lines
        self.input = input
    }

    /// The next line that it says; nil once it says no more.
    package func line() async -> String? {
        var iterator = lines.makeAsyncIterator()
        return await iterator.next()
    }

    /// Gives it a line to read; an empty one is the cue that a test peer waits for.
    package func type(_ line: String = "") async throws {
        _ = try await input.write(line + "\n")
    }

    /// What is typed has an end.
    package func finish() async throws {
        try await input.finish()
    }

    /// As `SIGKILL` does it, with all that it has started. Until the end of its scope the number stays its own.
    package func kill() {
        Glibc.kill(-processID, SIGKILL)
    }

    /// As `SIGSTOP` does it; returns when it stands still. Sending the signal alone does not do: while the thread that
    /// got it waits for a core, the others go on.
    package func suspend() throws {
        Glibc.kill(processID, SIGSTOP)
        var stopped = siginfo_t()
        if waitid(P_PID, id_t(processID), &stopped, WSTOPPED | WNOWAIT) != 0 { throw Errno(rawValue: errno) }
    }

    package func resume() {
        Glibc.kill(processID, SIGCONT)
    }
}

/// Runs a program, in a process group of its own, while a closure runs; it does not outlive the closure.
package func withProcess<Result: Sendable>(
    _ executable: String, _ arguments: [String], environment: Environment = .inherit,
    body: (TalkingProcess) async throws -> Result
) async throws -> Result {
    var options = PlatformOptions()
    options.processGroupID = 0
    let outcome = try await run(
        .path(FilePath(executable)), arguments: Arguments(arguments), environment: environment,
        platformOptions: options, input: .inputWriter, output: .sequence,
        error: .fileDescriptor(.standardError, closeAfterSpawningProcess: false)
    ) { execution in
        let (lines, sink) = AsyncStream<String>.makeStream()
        let output = execution.standardOutput
        let reading = Task {
            defer { sink.finish() }
            for try await line in output.strings() { sink.yield(line) }
        }
        let process = TalkingProcess(
            processID: execution.processIdentifier.value, lines: lines,
            input: execution.standardInputWriter)
        // Whatever has happened in the closure.
        defer { process.kill() }
        let result = try await body(process)
        process.kill()
        try await reading.value
        return result
    }
    return outcome.closureResult
}

/// Where the tests were built, and the programs with them.
package let products: String = {
    var path = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    let count = readlink("/proc/self/exe", &path, Int(PATH_MAX))
    let own = FilePath(
        String(decoding: path.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self))
    return own.removingLastComponent().string
}()
