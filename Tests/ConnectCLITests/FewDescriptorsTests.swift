import ConnectToTesting
import Testing

@Suite("Passing more files than a process may have open", .privateBus, .timeLimit(.minutes(1)))
struct FewDescriptorsTests {
    @Test("connect to --file passes more files than its process may have open", arguments: [64, 20])
    func callPassesMoreFiles(_ limit: Int) async throws {
        let outcome = try await Shell.run(
            """
            mkdir d; for i in $(seq 400); do echo $i >d/$i; done
            start l connect listen x
            (ulimit -n \(limit); connect to x --file d/*); echo $?
            kill $pid; wait $pid; sort -u l.out | wc -l
            """)
        #expect(outcome.lines == ["0", "400"])
    }

    @Test("connect listen takes more files than its process may have open, and goes on", arguments: [24, 28, 32, 40])
    func listenerTakesMoreFiles(_ limit: Int) async throws {
        let outcome = try await Shell.run(
            """
            mkdir d; for i in $(seq 400); do echo $i >d/$i; done
            start l sh -c 'ulimit -n \(limit); exec connect listen x'
            connect to x --file d/*; echo $?
            connect to x hello; echo $?
            kill $pid; ends $pid; said l; sort -u l.out | wc -l; cat l.err
            """)
        #expect(outcome.lines == ["0", "0", "143", "401"])
    }
}
