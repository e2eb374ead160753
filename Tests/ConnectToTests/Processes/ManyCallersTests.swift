import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectTo

@Suite("Many callers of one listener", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct ManyCallersTests {
    @Test("A hundred callers at once with 200 text lines each: every one arrives once, each caller's in order")
    func hundredCallersAtOnce() async throws {
        let (processes, ports, lines) = (4, 25, 200)
        let bus = try await Bus.onPrivateBus()
        let context = try await bus.register("square", options: .init(callerLimit: processes * ports))
        let heard = try await withThrowingTaskGroup(of: [Heard]?.self) { group in
            for _ in 0..<processes {
                group.addTask {
                    try await withPeer("crowd", "square", ports, lines) { peer in
                        #expect(await peer.line() == "ready")
                        try await peer.type()
                        #expect(await peer.line() == "done")
                        return nil
                    }
                }
            }
            group.addTask { try await Self.listen(context) }
            return try await group.reduce(into: []) { $0 += $1 ?? [] }
        }
        #expect(heard.count == processes * ports)
        #expect(Set(heard.map(\.caller)).count == processes * ports)
        for one in heard { #expect(one.lines == (0..<lines).map(String.init)) }
    }

    /// What one port brought.
    private struct Heard: Sendable {
        /// The process and the number that the caller says it has.
        var caller: String
        var lines: [String] = []
    }

    private static func listen(_ context: Context) async throws -> [Heard] {
        try await withThrowingTaskGroup(of: Heard.self) { group in
            for try await event in context.connectEvents {
                group.addTask {
                    var heard: Heard?
                    for try await message in event.source.messages {
                        let words = (message.text ?? "").split(separator: " ").map(String.init)
                        let caller = "\(event.peer.pid ?? 0) \(words.first ?? "")"
                        if heard == nil { heard = Heard(caller: caller) }
                        #expect(heard?.caller == caller)
                        heard?.lines.append(words.last ?? "")
                    }
                    event.source.finish()
                    return try #require(heard)
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }
}
