import ConnectToDBus
import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectTo

@Suite("What opens a port", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct OpeningOrderTests {
    @Test("The first message opens a port, before the reply and also without one")
    func messageBeforeReplyOpens() async throws {
        let bus = try await Bus.onPrivateBus()
        let listener = try await ScriptedListener("x")
        let deadline = Duration.seconds(2)
        let port = try bus.connectTo("x", wait: .now, answerWithin: deadline)
        port.start()
        let call = try await listener.nextCall()
        let line = try #require(call.line)
        try line.write(Frames.text("first"))
        try await port.waitUntilOpen()
        #expect(try await port.nextText() == "first")
        // The reply never comes. When one that was called later has run out of time, so has this.
        let later = try bus.connectTo("x", wait: .now, answerWithin: deadline)
        #expect(try await later.waitUntilClosed().code == .timedOut)
        #expect(port.closeReason == nil)
        try line.write(Frames.text("still here"))
        #expect(try await port.nextText() == "still here")
    }

    @Test("An error that comes after the first message is ignored, and the port stays open")
    func errorAfterMessageIsIgnored() async throws {
        let bus = try await Bus.onPrivateBus()
        let listener = try await ScriptedListener("x")
        let port = bus.connectTo("x")
        let call = try await listener.nextCall()
        let line = try #require(call.line)
        try line.write(Frames.text("hello"))
        await listener.replyError(to: call, "org.connectto.Error.Refused")
        #expect(try await port.nextText() == "hello")
        try await port.waitUntilOpen()
        try line.write(Frames.close(taken: 0))
        #expect(try await port.waitUntilClosed().code == .closed)
    }

    @Test("A refused line's end of file does not hide the refusal")
    func endOfFileDoesNotHideRefusal() async throws {
        let bus = try await Bus.onPrivateBus()
        let listener = try await ScriptedListener("x")
        let port = bus.connectTo("x")
        port.start()
        let call = try await listener.nextCall()
        try #require(call.line).shutdown()
        _ = try await bus.directory()
        #expect(port.closeReason == nil)
        await listener.replyError(to: call, "org.connectto.Error.Refused")
        #expect(try await port.waitUntilClosed().code == .refused)
    }

    @Test("A welcome to a line that has ended already opens the port, which then has ended")
    func welcomeAfterEndOpensThenEnds() async throws {
        let bus = try await Bus.onPrivateBus()
        let listener = try await ScriptedListener("x")
        let port = bus.connectTo("x")
        let call = try await listener.nextCall()
        try #require(call.line).shutdown()
        await listener.reply(to: call)
        #expect(try await port.waitUntilClosed().code == .peerExited)
    }

    @Test("A broken welcome ends the port as a protocol error")
    func brokenWelcomeEndsPort() async throws {
        let bus = try await Bus.onPrivateBus()
        let listener = try await ScriptedListener("x")
        let port = bus.connectTo("x")
        await listener.reply(to: try await listener.nextCall(), [.string("welcome")])
        #expect(try await port.waitUntilClosed().code == .protocolError)
    }

    @Test("A broken welcome also ends a port that the first message has opened")
    func brokenWelcomeAfterMessageEndsPort() async throws {
        let bus = try await Bus.onPrivateBus()
        let listener = try await ScriptedListener("x")
        let port = bus.connectTo("x")
        port.start()
        let call = try await listener.nextCall()
        try #require(call.line).write(Frames.text("hello"))
        try await port.waitUntilOpen()
        await listener.reply(to: call, [.string("welcome")])
        #expect(try await port.waitUntilClosed().code == .protocolError)
        withExtendedLifetime(call) {}
    }
}
