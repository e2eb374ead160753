import ConnectToDBus
import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectTo

@Suite("Taking a name over", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct ReplacementTests {
    @Test("A name is taken over only where its owner allows it; the replaced owner learns of it, and keeps its ports")
    func replacementNeedsPermission() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let firm = try await there.register("firm")
        let error = await #expect(throws: ConnectToError.self) {
            try await here.register("firm", options: .init(ownership: .replacesExisting))
        }
        #expect(error?.code == .nameTaken)
        #expect(firm.status == .registered)

        let yielding = try await there.register("x", options: .init(ownership: .allowsReplacement))
        let refused = await #expect(throws: ConnectToError.self) { try await here.register("x") }
        #expect(refused?.code == .nameTaken)
        let port = here.connectTo("x")
        let event = try #require(await yielding.nextConnect())
        let successor = try await here.register("x", options: .init(ownership: .replacesExisting))
        #expect(successor.status == .registered)
        #expect(await yielding.nextConnect() == nil)
        #expect(yielding.endReason == .replaced)
        try port.postMessage("still here")
        #expect(try await event.source.nextText() == "still here")
        let next = there.connectTo("x", options: .init(wait: .now))
        let caller = try #require(await successor.nextConnect()).peer
        #expect(caller.busName == there.connection.uniqueName)
        try await next.waitUntilOpen()
        // The successor did not allow it.
        let again = await #expect(throws: ConnectToError.self) {
            try await there.register("x", options: .init(ownership: .replacesExisting))
        }
        #expect(again?.code == .nameTaken)
    }

    @Test("A replaced owner that stands by takes the name back when the other program goes")
    func replacedStandbyTakesNameBack() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let yielding = try await there.register("x", options: .init(ownership: [.standby, .allowsReplacement]))
        let successor = try await here.register("x", options: .init(ownership: .replacesExisting))
        try await there.connectTo("x").waitUntilOpen()
        #expect(yielding.status == .standby && yielding.endReason == nil)
        await successor.unregister()
        try await here.connectTo("x").waitUntilOpen()
        #expect(yielding.status == .registered)
    }

    @Test("A program that replaced another does not replace a faster one when the bus comes back")
    func replacementIsNotRepeatedAfterRestart() async throws {
        let (first, second) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let yielding = try await first.register("x", options: .init(ownership: [.standby, .allowsReplacement]))
        let successor = try await second.register("x", options: .init(ownership: .replacesExisting))
        try await PrivateBus.current.restart()
        await first.isBack()
        await second.isBack()
        #expect((yielding.status == .registered) != (successor.status == .registered))
        if yielding.status == .registered {
            #expect(successor.endReason == .nameLost)
        } else {
            #expect(yielding.status == .standby)
        }
    }
}
