import ConnectToTesting
import FoundationEssentials
import Testing

@Suite("bench", .privateBus, .timeLimit(.minutes(1))) struct BenchTests {
    /// What `bench --json` prints.
    private struct Figures: Decodable {
        struct Times: Decodable {
            let p50: Double
            let p99: Double

            var isPlausible: Bool { 0 < p50 && p50 <= p99 }
        }
        struct Introductions: Decodable {
            let first: Times
            let warm: Times
        }

        let roundTrip: Times
        let rate64: Int
        let rate1024: Int
        let bulk1: Double
        let bulk64: Double
        let buffer16: Double
        let introductions: Introductions?

        enum CodingKeys: String, CodingKey {
            case roundTrip = "roundtrip_us"
            case rate64 = "rate_64"
            case rate1024 = "rate_1024"
            case bulk1 = "bulk_1mib"
            case bulk64 = "bulk_64mib"
            case buffer16 = "buffer_16mib"
            case introductions = "connect_us"
        }

        var linesArePlausible: Bool {
            roundTrip.isPlausible && rate64 > 0 && rate1024 > 0 && bulk1 > 0 && bulk64 > 0 && buffer16 > 0
        }
    }

    @Test(
        "--json is one object with everything that was measured, wherever it ran",
        arguments: ["", "--loop", "--cpus 0,0", "--origin org.example.App"])
    func json(_ options: String) async throws {
        let outcome = try await Shell.run("connect bench --json --seconds 0.01 \(options)")
        #expect(outcome.status == 0)
        #expect(outcome.errors == "")
        #expect(outcome.lines.count == 1)
        let figures = try JSONDecoder().decode(Figures.self, from: Data(outcome.output))
        #expect(figures.linesArePlausible)
        #expect(figures.introductions?.first.isPlausible == true)
        #expect(figures.introductions?.warm.isPlausible == true)
    }

    @Test("Without a bus introductions are null, and a note says why")
    func noBus() async throws {
        let outcome = try await Shell.run("connect bench --json --seconds 0.01", bus: "unix:path=/nowhere")
        #expect(outcome.status == 0)
        #expect(outcome.errors.hasPrefix("introductions are not measured: "))
        let figures = try JSONDecoder().decode(Figures.self, from: Data(outcome.output))
        #expect(figures.linesArePlausible)
        #expect(figures.introductions == nil)
        #expect(outcome.text.contains(#""connect_us":null"#))
    }

    @Test("Without --json it is a table, and leaves nothing registered")
    func table() async throws {
        let outcome = try await Shell.run(
            """
            connect bench --seconds 0.01 | sed 's/  .*//'
            connect list
            """)
        #expect(
            outcome.lines == [
                "WHAT", "64 B there and back", "64 B one way", "1 KiB one way", "1 MiB, with an answer",
                "64 MiB, with an answer", "SharedBuffer of 16 MiB, passed again",
                "connectTo to first message, known caller", "connectTo to first message, new caller",
            ])
    }

    @Test("Ended by a signal it says nothing, and neither does the other process")
    func ended() async throws {
        let outcome = try await Shell.run(
            """
            connect bench --seconds 20 & pid=$!
            # Threads come and go meanwhile.
            until other=$(cat /proc/$pid/task/*/children) && [ "$other" ] && grep -q bench-peer /proc/${other% }/cmdline
            do :; done 2>/dev/null
            kill $pid; ends $pid
            while kill -0 $other; do :; done 2>/dev/null
            """)
        #expect(outcome.lines == ["143"])
        #expect(outcome.errors == "")
    }
}
