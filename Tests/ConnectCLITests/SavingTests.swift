import ConnectToTesting
import Testing

@Suite("listen --save", .privateBus, .timeLimit(.minutes(1))) struct SavingTests {
    @Test("Standard output larger than the process may write is 74")
    func outputSizeLimit() async throws {
        let outcome = try await Shell.run(
            """
            head -c 3000000 /dev/zero | tr '\\0' 'x' >large
            start l sh -c 'ulimit -f 1000; exec connect listen x'
            connect to x --bytes <large; ends $pid; said l; grep -o 'File too large.*' l.err
            """)
        #expect(outcome.lines.first == "74")
        #expect(outcome.lines.last?.hasPrefix("File too large") == true)
    }
}
