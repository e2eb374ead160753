import ConnectToLinux
import ConnectToPorts
import Testing

@Suite("A program's own work on an event loop", .timeLimit(.minutes(1)))
struct EventLoopTests {
    @Test("On a foreign loop, execute and schedule run closures when runReady is called, and not before")
    func foreignLoopRunsClosuresInRunReady() throws {
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

    @Test("A cancelled timer of the shared loop releases its closure and does not run it")
    func cancelledTimerReleasesClosure() async throws {
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
