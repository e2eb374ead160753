import ConnectToTesting
import Testing

@Suite("Few descriptors", .privateBus, .timeLimit(.minutes(1))) struct FewDescriptorsTests {
    @Test("A call passes more files than it may have open", arguments: [64, 20])
    func call(_ limit: Int) async throws {
        let outcome = try await Shell.run(
            """
            mkdir d; for i in $(seq 400); do echo $i >d/$i; done
            start l connect listen x
            (ulimit -n \(limit); connect to x --file d/*); echo $?
            kill $pid; wait $pid; sort -u l.out | wc -l
            """)
        #expect(outcome.lines == ["0", "400"])
    }

    @Test("A listener takes more files than it may have open, and lives", arguments: [24, 28, 32, 40])
    func listener(_ limit: Int) async throws {
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
