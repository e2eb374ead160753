import ConnectToTestSupport
import ConnectToTesting
import Testing

@Suite(
    "How ports behave: memory", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)),
    .disabled(if: isSanitized, "a sanitizer keeps what is freed"))
struct MemoryTests {
    @Test(
        "1 GiB in messages of 1 MiB to a reader ten times slower takes less than 32 MiB on either side"
    )
    func slowReaderTakesLittleMemory() async throws {
        // Each message takes its writer less than a millisecond.
        try await withPeer("slow", "slow", 9) { reader in
            #expect(await reader.line() == "listening")
            try await withPeer("much", "slow", 1_024) { writer in
                #expect(await writer.line() == "open")
                try await writer.type()
                #expect(await writer.line() == "posted")
                #expect(await reader.line() == "\(1 << 30)")
                let peaks = (writer: try writer.facts().peak, reader: try reader.facts().peak)
                print(
                    "1 GiB to a slow reader, KiB at the most: writer \(peaks.writer), reader \(peaks.reader)")
                #expect(peaks.writer < 32 << 10)
                #expect(peaks.reader < 32 << 10)
            }
        }
    }
}
