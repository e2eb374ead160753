import ConnectToDBus
import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectTo

@Suite("A standby for a name", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct StandbyTests {
    @Test("A standby takes over when the owner's connection goes, and callers reach it")
    func standbyTakesOver() async throws {
        let (here, first, second) = (
            try await Bus.onPrivateBus(), try await Bus.onPrivateBus(), try await Bus.onPrivateBus()
        )
        let owner = try await first.register("x", options: .init(ownership: .standby))
        #expect(owner.status == .registered)
        let standby = try await second.register("x", options: .init(ownership: .standby))
        #expect(standby.status == .standby)
        let changes = try await here.changes()
        var events = changes.makeAsyncIterator()
        #expect(await owner.becomesRegistered)
        let promotion = Task { await standby.becomesRegistered }
        await first.close()
        #expect(await promotion.value)
        let change = try await events.next()
        #expect(change?.kind == .moved)
        #expect(owner.endReason == .busLost)
        let port = here.connectTo("x", options: .init(wait: .now))
        try port.postMessage("who is there?")
        let event = try #require(await standby.nextConnect())
        #expect(try await event.source.nextText() == "who is there?")
        #expect(standby.status == .registered)
        let listed = try await here.directory()
        #expect(change?.entry.owner == listed.first?.owner)
    }

    @Test("A standby that is called by its unique name is not a context until it owns the name, and says so")
    func standbyCalledByUniqueName() async throws {
        let (here, first, second) = (
            try await Bus.onPrivateBus(), try await Bus.onPrivateBus(), try await Bus.onPrivateBus()
        )
        let owner = try await first.register("x")
        let standby = try await second.register("x", options: .init(ownership: .standby))
        let context = try ContextName("x")
        func call() async throws -> StreamSocket {
            let (near, far) = try StreamSocket.pair()
            let call = OutgoingCall(
                destination: second.connection.uniqueName, path: context.objectPath,
                interface: ContextInterface.name, member: ContextInterface.connect,
                body: [.unixFD(far.descriptor), Greeting().encoded])
            _ = try await here.connection.call(call, deadline: .seconds(10))
            return near
        }
        let error = await #expect(throws: DBusError.self) { _ = try await call() }
        #expect(error?.name == DBusError.Name.unknownObject)
        #expect(error?.message.contains("stands by") == true)
        #expect(standby.statistics.admitted == 0)
        await owner.unregister()
        #expect(await standby.becomesRegistered)
        let near = try await call()
        let event = try #require(await standby.nextConnect())
        withExtendedLifetime(near) { #expect(event.source.closeReason == nil) }
    }

    @Test("A cancelled wait for the name throws, and the standby goes on to take the name over")
    func cancelledWaitForName() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let owner = try await there.register("x")
        let standby = try await here.register("x", options: .init(ownership: .standby))
        let waiting = Task { try await standby.waitUntilRegistered() }
        waiting.cancel()
        let error = await #expect(throws: ConnectToError.self) { try await waiting.value }
        #expect(error?.code == .cancelled)
        #expect(standby.status == .standby)
        await owner.unregister()
        try await standby.waitUntilRegistered()
        #expect(standby.status == .registered)
    }

    @Test("A standby that is unregistered does not take over")
    func unregisteredStandbyDoesNotTakeOver() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let owner = try await there.register("x")
        let standby = try await here.register("x", options: .init(ownership: .standby))
        await standby.unregister()
        let error = await #expect(throws: ConnectToError.self) { try await standby.waitUntilRegistered() }
        #expect(error?.code == .contextEnded)
        #expect(error?.message.contains("unregistered") == true)
        #expect(standby.endReason == .unregistered)
        #expect(await standby.nextConnect() == nil)
        await owner.unregister()
        #expect(try await here.directory() == [])
    }

    @Test("A program that stands by in the moment that the owner leaves knows that it has taken over")
    func standbyInMomentOfTakeover() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        for round in 0..<200 {
            let owner = try await there.register("x")
            async let leaving: Void = owner.unregister()
            let standby = try await here.register("x", options: .init(ownership: .standby))
            await leaving
            // Reaches it over the bus, after all that the bus had to say before.
            try await there.connectTo("x").waitUntilOpen()
            #expect(standby.status == .registered, "round \(round)")
            #expect(standby.status != .standby, "round \(round)")
            await standby.unregister()
        }
    }

    @Test("A message posted while a standby takes over reaches one owner, the other, or neither, and never both")
    func messageDuringHandoverArrivesOnce() async throws {
        let here = try await Bus.onPrivateBus()
        for round in 0..<30 {
            let (first, second) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
            let owner = try await first.register("x")
            let standby = try await second.register("x", options: .init(ownership: .standby))
            let port = here.connectTo("x", options: .init(wait: .now))
            try port.postMessage("once")
            async let closing: Void = first.close()
            async let heard = [Self.hear(owner), Self.hear(standby)]
            let reason: CloseReason
            do {
                try await port.waitUntilOpen()
                reason = try await port.waitUntilClosed()
            } catch {
                reason = try await port.waitUntilClosed()
            }
            await closing
            await second.close()
            let count = try await heard.reduce(0, +)
            #expect(count <= 1, "round \(round)")
            if reason.code == .closed { #expect(count == 1, "round \(round)") }
            // Died with the call, or said in its last moment that it had left.
            let codes: [CloseReason.Code] = [.closed, .peerExited, .unavailable]
            #expect(codes.contains(reason.code), "round \(round): \(reason)")
        }
    }

    /// Counts what arrives, from all callers, until the context ends; closes each port after one message.
    private static func hear(_ context: Context) async throws -> Int {
        var count = 0
        for try await event in context.connectEvents {
            if try await event.source.nextText() != nil { count += 1 }
            event.source.close()
        }
        return count
    }
}
