import ConnectToLinux
import ConnectToPorts
import Testing

@Suite("Work of a program's own on an event loop", .timeLimit(.minutes(1)))
struct EventLoopTests {
    @Test("execute and schedule run closures on the loop, where runReady is called and not before")
    func foreignLoop() throws {
        let loop = try EventLoop.makeDrivenByForeignLoop()
        let log = Lock<[String]>([])
        @Sendable func note(_ word: String) { log.withLock { $0.append(word) } }
        loop.schedule(after: .milliseconds(2)) { note("timer") }
        loop.schedule(after: .zero) { note("never") }.cancel()
        loop.execute { note("first") }
        loop.execute { note("second") }
        #expect(log.withLock(\.self) == [])
        let start = SuspendingClock.now
        while !log.withLock({ $0.contains("timer") }) { loop.runReady() }
        #expect(SuspendingClock.now - start >= .milliseconds(1))
        #expect(log.withLock(\.self) == ["first", "second", "timer"])
    }

    @Test("a cancelled timer of the shared loop lets go of its closure and does not run it")
    func cancelled() async throws {
        final class Owned: Sendable {}
        let loop = try EventLoop.shared
        weak let witness: Owned?
        let timer: EventLoop.Timer
        do {
            let owned = Owned()
            witness = owned
            timer = loop.schedule(after: .seconds(3_600)) { Issue.record("it ran, with \(owned)") }
        }
        #expect(witness != nil)
        timer.cancel()
        #expect(witness == nil)
        await withCheckedContinuation { continuation in
            loop.schedule(after: .milliseconds(1)) { continuation.resume() }
        }
    }
}
