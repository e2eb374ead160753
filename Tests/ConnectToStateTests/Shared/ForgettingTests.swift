import ConnectTo
import Testing

@testable import ConnectToState

@Suite("The removals that a shared state remembers", .timeLimit(.minutes(1)))
struct ForgettingTests {
    private let one = SharedState()
    private let other = SharedState()

    private func connect() async throws {
        let channel = try MessageChannel()
        try one.connect("other", channel.port1)
        try other.connect("one", channel.port2)
        try await one.waitUntilSynchronized(with: "other")
        try await other.waitUntilSynchronized(with: "one")
    }

    @Test("Of many removals only the newest are told one by one, and who was away for all of them follows all the same")
    func boundedRemovals() async throws {
        try one.transaction { writing in
            for index in 0..<3_000 { writing.set(StatePath(["item", "\(index)"]), to: .integer(Int64(index))) }
        }
        try await connect()
        #expect(other.value(at: "item.2999") == 2_999)
        one.disconnect("other")
        other.disconnect("one")
        for index in 0..<2_500 { try one.remove(StatePath(["item", "\(index)"])) }
        #expect(one.locked { $0.document.removals.count } <= 1_024)
        try other.set("note", to: "written meanwhile")
        try await connect()
        #expect(other.value(at: "item.2499") == nil)
        #expect(other.value(at: "item.2500") == 2_500)
        #expect(one.value(at: StatePath()) == other.value(at: StatePath()))
    }
}
