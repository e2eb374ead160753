import ConnectToDBus
import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Testing

@testable import ConnectTo

@Suite("The peer of a connect event", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct PeerTests {
    /// Calls a context as a stranger to this library would, saying what the test says.
    private func call(
        _ context: Context, from bus: Bus, saying hello: Greeting
    ) async throws -> (MessagePort, welcome: Greeting) {
        let (near, far) = try StreamSocket.pair()
        let reply = try await bus.connection.call(
            OutgoingCall(
                destination: context.busName, path: context.registration.context.objectPath,
                interface: "org.connectto.Context1", member: "Connect",
                body: [.unixFD(far.descriptor), hello.encoded]),
            deadline: .seconds(30))
        return (
            MessagePort(adopting: near, on: try .shared), try Greeting(decoding: reply.body.first)
        )
    }

    @Test("A peer's process, user and connection come from the bus, and the rest from /proc")
    func peerFactsComeFromBusAndProc() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let context = try await there.register("x")
        let port = here.connectTo("x")
        let peer = try #require(await context.nextConnect()).peer
        #expect(peer.pid == getpid())
        #expect(peer.uid == geteuid())
        #expect(peer.busName == here.connection.uniqueName)
        #expect(peer.processName == ConnectToLinux.processName(of: getpid()))
        #expect(peer.context == nil)
        withExtendedLifetime(port) {}
    }

    @Test("A program that owns a context is known to its listeners by it, for as long as it owns it")
    func callerIsKnownByItsContext() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let listener = try await there.register("x")
        let own = try await here.register("my own", origin: "org.example.Caller")
        let second = try await here.register("another")
        var events = listener.connectEvents.makeAsyncIterator()
        let first = here.connectTo("x")
        #expect(try await events.next()?.peer.context == own.registration.context)
        await own.unregister()
        let next = here.connectTo("x")
        #expect(try await events.next()?.peer.context == second.registration.context)
        await second.unregister()
        let last = here.connectTo("x")
        let event = try #require(try await events.next())
        #expect(event.peer.context == nil)
        for port in [first, next, last] { port.close() }
    }

    @Test("A program without another context is known to its listeners by a standby that takes over")
    func promotedStandbyBecomesCallersContext() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let listener = try await there.register("x")
        let former = try await there.register("y")
        let first = try await here.register("first")
        let standby = try await here.register("y", options: .init(ownership: .standby))
        await first.unregister()
        await former.unregister()
        #expect(await standby.becomesRegistered)
        let port = here.connectTo("x")
        let event = try #require(await listener.nextConnect())
        #expect(event.peer.context == standby.registration.context)
        port.close()
    }

    @Test("A context that the caller owns is confirmed")
    func ownedContextIsConfirmed() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let context = try await there.register("x")
        let own = try await here.register("caller", origin: "org.example.App")
        let (port, _) = try await call(context, from: here, saying: Greeting(context: own.busName))
        let event = try #require(await context.nextConnect())
        #expect(event.peer.context == (try ContextName("caller", origin: "org.example.App")))
        withExtendedLifetime((port, own)) {}
    }

    @Test("A claim to another's context, to an unowned or an invalid one is not believed, and does no harm")
    func falseClaimsAreNotBelieved() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let context = try await there.register("x")
        let others = try await there.register("somebody-else")
        let standby = try await here.register("somebody-else", options: .init(ownership: .standby))
        _ = try await here.connection.requestName("org.example.NoContext", flags: [])
        let claims = [
            others.busName, "org.connectto.Context.nobody", "org.example.NoContext", "no name at all", "",
            here.connection.uniqueName, String(repeating: "a.", count: 200) + "Context.x",
        ]
        for claim in claims {
            let (port, _) = try await call(context, from: here, saying: Greeting(context: claim))
            let event = try #require(await context.nextConnect())
            #expect(event.peer.context == nil, "\(claim)")
            try event.source.postMessage("welcome")
            #expect(try await port.nextText() == "welcome")
        }
        withExtendedLifetime(standby) {}
    }

    @Test("Metadata goes both ways: the caller's with the event, the listener's with the welcome")
    func metadataGoesBothWays() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let context = try await there.register("x", options: .init(metadata: ["from": "listener", "": "é\n"]))
        #expect(context.metadata == ["from": "listener", "": "é\n"])
        let port = here.connectTo(
            "x", options: .init(metadata: ["from": "caller", "long": String(repeating: "m", count: 60_000)]))
        let event = try #require(await context.nextConnect())
        #expect(event.metadata["from"] == "caller")
        #expect(event.metadata["long"]?.count == 60_000)
        let (second, welcome) = try await call(context, from: here, saying: Greeting())
        #expect(welcome.metadata == ["from": "listener", "": "é\n"])
        #expect(welcome.version == 1)
        #expect(welcome.features == [])
        withExtendedLifetime((port, second)) {}
    }

    @Test("A caller of a later version with features of its own is spoken to in this version")
    func laterVersionIsSpokenToInThisOne() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let context = try await there.register("x")
        var hello = Greeting()
        hello.version = 9
        hello.features = ["ports", "com.example.rot13"]
        let (port, welcome) = try await call(context, from: here, saying: hello)
        #expect(welcome.version == 1)
        #expect(welcome.features == [])
        withExtendedLifetime(port) {}
    }

    @Test("A caller that has left the bus before it is identified is refused, and leaves nothing")
    func callerThatLeftBusIsRefused() async throws {
        let there = try await Bus.onPrivateBus()
        let context = try await there.register("x")
        try await expectNoDescriptorLeak {
            // Those who made it in time are events.
            let taking = Task {
                for try await event in context.connectEvents {
                    event.source.close()
                    if event.metadata["last"] != nil { return }
                }
            }
            for _ in 0..<20 {
                let here = try await Bus.onPrivateBus()
                let port = here.connectTo("x")
                try port.postMessage("gone")
                await here.close()
                #expect([.busLost, .closed].contains(try await port.waitUntilClosed().code))
            }
            let last = try await Bus.onPrivateBus()
            let port = last.connectTo("x", options: .init(metadata: ["last": ""]))
            #expect(try await port.waitUntilClosed().code == .closed)
            try await taking.value
            await last.close()
        }
    }
}
