import ConnectToTesting
import Glibc
import Subprocess
import SystemPackage
import Testing

/// Another process, which plays a part (`Tests/TestPeer`), talks in lines, and can be killed.
final class PeerProcess: Sendable {
    let processID: Int32
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

    /// Gives it the cue that it waits for.
    func cue() async throws {
        _ = try await input.write("\n")
    }

    /// As `SIGKILL` does it. Until the end of its scope the number stays its own.
    func kill() {
        Glibc.kill(processID, SIGKILL)
    }

    func facts() throws -> ProcessFacts { try ProcessFacts(of: processID) }
}

/// Runs a peer on the test's own bus while a closure runs; it ends with the closure at the latest.
func withPeer<Result: Sendable>(
    _ role: String, _ name: String, _ numbers: Int..., body: (PeerProcess) async throws -> Result
) async throws -> Result {
    let arguments = [try PrivateBus.current.address, role, name] + numbers.map(String.init)
    let outcome = try await run(
        .path(FilePath(products + "/TestPeer")), arguments: Arguments(arguments), input: .inputWriter,
        output: .sequence, error: .fileDescriptor(.standardError, closeAfterSpawningProcess: false)
    ) { execution in
        let (lines, sink) = AsyncStream<String>.makeStream()
        let output = execution.standardOutput
        let reading = Task {
            defer { sink.finish() }
            for try await line in output.strings() { sink.yield(line) }
        }
        let peer = PeerProcess(
            processID: execution.processIdentifier.value, lines: lines,
            input: execution.standardInputWriter)
        // Whatever has happened in the closure: it does not outlive it.
        defer { peer.kill() }
        let result = try await body(peer)
        peer.kill()
        try await reading.value
        return result
    }
    return outcome.closureResult
}

/// Where the tests were built, and what they need with them.
private let products: String = {
    var path = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    let count = readlink("/proc/self/exe", &path, Int(PATH_MAX))
    let own = String(decoding: path.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return FilePath(own).removingLastComponent().string
}()
