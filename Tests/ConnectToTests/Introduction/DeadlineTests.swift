import ConnectToDBus
import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectTo

@Suite("A listener's time to answer", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct DeadlineTests {
    @Test(
        "A listener that takes the call and is silent times out, with the caller's wait, or else the bus's limit",
        arguments: [
            (WaitPolicy.now, Duration.milliseconds(100), Duration.milliseconds(100)),
            (.untilAvailable(for: .zero), .milliseconds(100), .milliseconds(100)),
            (.untilAvailable(for: .milliseconds(300)), .milliseconds(100), .milliseconds(300)),
            (.untilAvailable(for: .milliseconds(300)), .seconds(30), .milliseconds(300)),
        ])
    func silentListenerTimesOut(policy: WaitPolicy, deadline: Duration, least: Duration) async throws {
        try await expectNoDescriptorLeak {
            let bus = try await Bus.onPrivateBus()
            let listener = try await ScriptedListener("x")
            // From before the call: on a busy machine the rest may be over by the time that this goes on.
            let (reason, took) = try await timed {
                let port = try bus.connectTo("x", wait: policy, answerWithin: deadline)
                _ = try await listener.nextCall()
                return try await port.waitUntilClosed()
            }
            #expect(reason.code == .timedOut)
            #expect(took < .seconds(5))
            #expect(took > least / 2)
            await listener.close()
            await bus.close()
        }
    }

    @Test("A listener has five seconds to answer, unless the limits of the bus say otherwise")
    func listenerHasFiveSeconds() {
        #expect(BusLimits().introduction == .seconds(5))
    }

    @Test("An answer that comes late, but in time, opens the port")
    func lateAnswerOpens() async throws {
        let bus = try await Bus.onPrivateBus()
        let listener = try await ScriptedListener("x")
        let port = try bus.connectTo("x", answerWithin: .seconds(30))
        let call = try await listener.nextCall()
        #expect(port.closeReason == nil)
        await listener.reply(to: call)
        try await port.waitUntilOpen()
    }

    @Test("A caller that does not wait for a name reaches the listener that owns it")
    func callerWithoutWaitReachesListener() async throws {
        let (bus, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let context = try await there.register("x")
        for policy in [WaitPolicy.now, .untilAvailable(for: .zero)] {
            let port = try bus.connectTo("x", wait: policy, answerWithin: .seconds(30))
            _ = try #require(await context.nextConnect())
            try await port.waitUntilOpen()
        }
    }
}
