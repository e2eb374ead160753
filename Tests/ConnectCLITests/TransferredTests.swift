import ConnectTo
import ConnectToTesting
import SystemPackage
import Testing

@Suite("Ports and buffers that come with a message", .privateBus, .timeLimit(.minutes(1))) struct TransferredTests {
    /// A text with a port and two buffers.
    private func post(on port: MessagePort) throws {
        try port.postMessage(
            .text(
                "draw",
                transfer: [
                    .port(try MessageChannel().port2), .buffer(try SharedBuffer(count: 1)),
                    .buffer(try SharedBuffer(count: 1)),
                ]))
    }

    private static let note =
        "port 1: connect has closed what came with a message, as it cannot use it: 1 port, 2 buffers"

    @Test(
        "connect listen counts ports and buffers that come with a message in JSON, and notes them without --json",
        arguments: [
            ("--json", #"{"event":"message","port":1,"text":"draw","transferred":3}"#), ("", "draw|\(note)"),
            ("--exec cat", note),
        ])
    func listenCountsAndClosesThem(_ option: String, _ expected: String) async throws {
        let bus = try await Bus.at(PrivateBus.current.address)
        async let outcome = Shell.run("start l connect listen x --once \(option); ends $pid; said l; cat l.out l.err")
        let port = bus.connectTo("x")
        try post(on: port)
        port.finish()
        try await port.waitUntilClosed()
        let lines = try await outcome.lines
        #expect(
            lines.filter { expected.split(separator: "|").contains($0[...]) }.count
                == expected.split(separator: "|").count)
    }

    @Test("connect to counts ports and buffers that come with a message in JSON, and notes them without --json")
    func toCountsAndClosesThem() async throws {
        let bus = try await Bus.at(PrivateBus.current.address)
        let context = try await bus.register("x")
        async let outcome = Shell.run("connect to x </dev/null 2>&1; connect to x --json </dev/null")
        var events = context.connectEvents.makeAsyncIterator()
        for _ in 1...2 {
            let port = try #require(try await events.next()).source
            try post(on: port)
            port.close()
        }
        let lines = try await outcome.lines
        #expect(lines.prefix(2).sorted() == ["draw", Self.note])
        #expect(lines.dropFirst(2).first == #"{"event":"message","port":1,"text":"draw","transferred":3}"#)
        await context.unregister()
    }
}
