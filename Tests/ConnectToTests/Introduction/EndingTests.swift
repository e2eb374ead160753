import ConnectToDBus
import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectTo

/// Every reason that an introduction can end with, on a real bus.
@Suite("How an introduction ends", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct EndingTests {
    private static let waiting = WaitPolicy.untilAvailable(for: .seconds(60))

    @Test(
        "A listener's refusal ends the port at once, and leaves nothing open", arguments: [.now, waiting],
        [
            ("org.connectto.Error.Refused", CloseReason.Code.refused),
            ("org.connectto.Error.Busy", .busy),
            ("org.freedesktop.DBus.Error.AccessDenied", .refused),
            ("org.freedesktop.DBus.Error.InvalidArgs", .protocolError),
            ("org.freedesktop.DBus.Error.Failed", .protocolError),
        ])
    func refusalEndsAtOnce(policy: WaitPolicy, answer: (name: String, code: CloseReason.Code)) async throws {
        try await expectNoDescriptorLeak {
            let bus = try await Bus.onPrivateBus()
            let listener = try await ScriptedListener("x")
            let port = bus.connectTo("x", options: .init(wait: policy))
            try port.postMessage("lost")
            await listener.replyError(to: try await listener.nextCall(), answer.name)
            #expect(try await port.waitUntilClosed().code == answer.code)
            let error = await #expect(throws: PortError.self) { try await port.waitUntilOpen() }
            #expect(error?.code == .closed)
            await #expect(throws: PortError.self) { try await port.nextText() }
            await listener.close()
            await bus.close()
        }
    }

    @Test("A flush throws where no program has the name, so that a program that posts, closes and exits learns of it")
    func flushThrowsForMissingName() async throws {
        let bus = try await Bus.onPrivateBus()
        let port = bus.connectTo("not-there", options: .init(wait: .now))
        try port.postMessage("Hello")
        port.close()
        let error = await #expect(throws: PortError.self) { try await port.flush() }
        #expect(error?.code == .undelivered)
        #expect(error?.reason?.code == .unavailable)
    }

    @Test("Errors of a port and of a registration match their codes in a catch clause, without a cast")
    func errorsMatchTheirCodesInCatch() async throws {
        let bus = try await Bus.onPrivateBus()
        let port = bus.connectTo("not-there", options: .init(wait: .now))
        for isPort in [true, false] {
            do {
                if isPort { try await port.waitUntilOpen() } else { _ = try await bus.register("") }
                Issue.record("no error")
            } catch PortError.Code.cancelled, ConnectToError.Code.nameTaken {
                Issue.record("the wrong code")
            } catch PortError.Code.closed {
                #expect(isPort)
            } catch ConnectToError.Code.invalidName {
                #expect(!isPort)
            } catch {
                throw error
            }
        }
    }

    @Test("A caller of a name whose owner is not a context ends as unavailable, or times out if it waits")
    func ownerThatIsNotAContext() async throws {
        let bus = try await Bus.onPrivateBus()
        let elsewhere = try await ScriptedListener("x", at: "/somewhere/else")
        #expect(try await bus.connectTo("x", options: .init(wait: .now)).waitUntilClosed().code == .unavailable)
        // One that waits is in for the next owner, until its time is up.
        let port = bus.connectTo("x", options: .init(wait: .untilAvailable(for: .milliseconds(500))))
        let reason = try await port.waitUntilClosed()
        #expect(reason.code == .timedOut)
        #expect(reason.detail.contains("is not a context"))
        await elsewhere.close()
    }

    @Test("A caller that waits calls the next owner of the name when the first is not a context")
    func nextOwnerIsCalled() async throws {
        let (bus, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let stranger = try await ScriptedListener("x")
        let context = try await there.register("x", options: .init(ownership: .standby))
        #expect(context.status == .standby)
        let port = bus.connectTo("x", options: .init(wait: Self.waiting))
        try port.postMessage("for the next one")
        // Called once, and once more when the name is being watched.
        for _ in 0..<2 {
            await stranger.replyError(
                to: try await stranger.nextCall(), "org.freedesktop.DBus.Error.UnknownMethod")
        }
        await stranger.close()
        let event = try #require(await context.nextConnect())
        #expect(try await event.source.nextText() == "for the next one")
        try await port.waitUntilOpen()
    }

    @Test("An invalid name ends the port as invalid, and posting on it is no error")
    func invalidNameEndsPort() async throws {
        let bus = try await Bus.onPrivateBus()
        for name in ["", String(repeating: "x", count: 234)] {
            let port = bus.connectTo(name)
            try port.postMessage("into the void")
            #expect(port.closeReason?.code == .invalid)
        }
        let metadata = ["a": String(repeating: "x", count: 64 << 10)]
        #expect(bus.connectTo("x", options: .init(metadata: metadata)).closeReason?.code == .invalid)
    }

    @Test("A bus that goes away before the answer is a reason of its own, and nothing stays open")
    func busLossBeforeAnswer() async throws {
        let ownBus = try PrivateBus.current
        try await expectNoDescriptorLeak {
            let bus = try await Bus.onPrivateBus(reconnectingFor: .zero)
            let listener = try await ScriptedListener("x")
            let unanswered = bus.connectTo("x")
            let waiting = bus.connectTo("nobody", options: .init(wait: Self.waiting))
            _ = try await listener.nextCall()
            ownBus.kill()
            #expect(try await unanswered.waitUntilClosed().code == .busLost)
            #expect(try await waiting.waitUntilClosed().code == .busLost)
            #expect(await bus.waitUntilLost().code == .busLost)
            #expect(try await bus.connectTo("x").waitUntilClosed().code == .busLost)
            await listener.close()
        }
    }

    @Test("A listener that goes away with the call has exited, and the call is not repeated")
    func listenerGoneWithCall() async throws {
        let (bus, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let listener = try await ScriptedListener("x")
        let standby = try await there.register("x", options: .init(ownership: .standby))
        let port = bus.connectTo("x")
        try port.postMessage("once at the most")
        _ = try await listener.nextCall()
        await listener.close()
        #expect(try await port.waitUntilClosed().code == .peerExited)
        // The standby has the name by now, and was not called: the next caller is its first.
        let next = bus.connectTo("x")
        try next.postMessage("mine")
        let event = try #require(await standby.nextConnect())
        #expect(try await event.source.nextText() == "mine")
    }
}
