import ConnectTo
import ConnectToFarSide
import ConnectToLinux
import ConnectToMessaging
import ConnectToTestSupport
import ConnectToTesting
import Testing

/// A line of calls between this process and another one, both with the handlers of ``CallsSide``, and what this side
/// says meanwhile.
struct OtherSide {
    let peer: TalkingProcess
    let messenger: Messenger
    let side: CallsSide
    let said: AsyncStream<String>

    /// The next line that this side says.
    func line() async -> String? {
        var lines = said.makeAsyncIterator()
        return await lines.next()
    }

    /// Waits until a step has come to its point, which side has asked.
    func reach(_ step: CallStep, callee: () async -> String?, caller: () async -> String?) async {
        for line in step.callee { #expect(await callee() == line) }
        for line in step.caller { #expect(await caller() == line) }
    }
}

/// Connects to another process that serves calls, and checks that afterwards no descriptor is left, and that another
/// line with the same handlers goes on.
func withOtherSide(saysHello: Bool = true, _ body: (OtherSide) async throws -> Void) async throws {
    try await expectNoDescriptorLeak {
        let bus = try await Bus.at(PrivateBus.current.address)
        let (said, sink) = AsyncStream<String>.makeStream()
        let side = CallsSide { sink.yield($0) }
        let handlers = side.makeHandlers()
        let (here, there) = try MessageChannel.makePair()
        let sibling = Messenger(here, options: CallsSide.options)
        let sameHandlers = Messenger(there, handlers: handlers, options: CallsSide.options)
        try await withPeer("calls", "victim", saysHello ? 1 : 0) { peer in
            #expect(await peer.line() == "listening")
            let messenger = try await bus.messenger(
                to: "victim", handlers: handlers, messengerOptions: CallsSide.options)
            #expect(await peer.line() == (saysHello ? "serving" : "before hello"))
            try await body(OtherSide(peer: peer, messenger: messenger, side: side, said: said))
            side.goOn.set()
            #expect(await side.check(sibling) == CallsSide.allAnswered, "on another line of the same handlers")
            messenger.close()
        }
        withExtendedLifetime(sameHandlers) {}
        sibling.close()
        await bus.close()
    }
}
