import ConnectTo
import ConnectToLinux
import ConnectToMessaging
import Testing

@Suite("How a messenger starts, and when its handlers are done", .timeLimit(.minutes(1)))
struct MessengerStartTests {
    @Test(
        "A messenger that starts later answers what was asked before, by handlers set meanwhile, and posts what waits")
    func startsLater() async throws {
        let (here, there) = try MessageChannel.makePair()
        let caller = Messenger(here)
        let heard = Latch<String>()
        caller.onEvent("ready") { payload, _ in _ = heard.set(payload.text ?? "") }
        let asking = Task.immediate { try await caller.request("question").text }
        let callee = Messenger(there, starts: false)
        try callee.post("ready", .text("soon"))
        callee.onRequest("question") { _, _ in .text("answer") }
        #expect(heard.value == nil)
        callee.start()
        callee.start()
        #expect(try await asking.value == "answer")
        #expect(await heard.wait() == "soon")
        withExtendedLifetime(callee) {}
    }

    @Test("Waiting for the other program's messenger ends when that starts, and not before")
    func opens() async throws {
        let (here, there) = try MessageChannel.makePair()
        let (first, second) = (Messenger(here), Messenger(there, starts: false))
        let opened = Latch<Void>()
        let waiting = Task.immediate {
            try await first.waitUntilOpen()
            opened.set()
        }
        // A round trip through the loop: a hello would have arrived.
        let turn = Latch<Void>()
        here.eventLoop.execute { here.eventLoop.execute { turn.set() } }
        _ = await turn.wait()
        #expect(opened.value == nil)
        second.start()
        try await waiting.value
        try await second.waitUntilOpen()
    }

    @Test("Waiting for the other program's messenger says why the line has ended, and that the task was cancelled")
    func opensNever() async throws {
        let (here, there) = try MessageChannel.makePair()
        let messenger = Messenger(here)
        let waiting = Task.immediate { try await messenger.waitUntilOpen() }
        waiting.cancel()
        await #expect { try await waiting.value } throws: { ($0 as? PortError)?.code == .cancelled }
        #expect(messenger.closeReason == nil)
        there.close()
        await #expect { try await messenger.waitUntilOpen() } throws: { ($0 as? PortError)?.reason?.code == .closed }
    }

    @Test("At the end of the line a program can wait until its handlers have returned, those of events too")
    func handlersReturn() async throws {
        let (here, there) = try MessageChannel.makePair()
        let (caller, callee) = (Messenger(here), Messenger(there))
        let (began, goOn, isDone) = (Latch<Void>(), Latch<Void>(), Latch<Void>())
        for type in ["request", "event"] {
            let work: @Sendable () async -> Void = {
                began.set()
                // Takes no notice of being cancelled.
                _ = await Task { await goOn.wait() }.value
            }
            if type == "request" {
                callee.onRequest(type) { _, _ in
                    await work()
                    return nil
                }
            } else {
                callee.onEvent(type) { _, _ in await work() }
            }
        }
        let asking = Task.immediate { try await caller.request("request") }
        try caller.post("event")
        try await caller.barrier()
        caller.close()
        try await callee.waitUntilClosed()
        let waiting = Task.immediate {
            await callee.waitUntilHandlersReturn()
            isDone.set()
        }
        _ = await began.wait()
        #expect(isDone.value == nil)
        goOn.set()
        await waiting.value
        #expect(isDone.value != nil)
        _ = await asking.result
    }
}
