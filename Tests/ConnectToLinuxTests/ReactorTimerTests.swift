import CConnectToLinux
import ConnectToLinux
import Testing

@Suite("Timers of the reactor", .timeLimit(.minutes(1)))
struct ReactorTimerTests {
    let reactor: Reactor

    init() throws {
        reactor = try Reactor.shared.get()
    }

    @Test("Timers fire in the order of their deadlines, and not in the order they were set")
    func firesInOrderOfDeadlines() async {
        while !Task.isCancelled {
            let record = Record<Int>()
            let took: UInt64 = await withCheckedContinuation { continuation in
                reactor.execute { [reactor] in
                    let start = clinux_monotonic_nanoseconds()
                    for milliseconds in [8, 2, 6, 4] {
                        reactor.schedule(after: .milliseconds(milliseconds)) { record(milliseconds) }
                    }
                    let took = clinux_monotonic_nanoseconds() - start
                    reactor.schedule(after: .milliseconds(10)) { continuation.resume(returning: took) }
                }
            }
            // If the loop got no processor in between, the later timers have later deadlines: try again.
            if took > 1_000_000 { continue }
            #expect(record.entries == [2, 4, 6, 8])
            return
        }
    }

    @Test("A timer does not fire early", arguments: [0, 1, 5, 20])
    func doesNotFireEarly(milliseconds: Int) async {
        let start = clinux_monotonic_nanoseconds()
        await reactor.wait(for: .milliseconds(milliseconds))
        #expect(clinux_monotonic_nanoseconds() - start >= UInt64(milliseconds) * 1_000_000)
    }

    @Test("A timer that was cancelled on the loop does not fire")
    func cancelledTimerDoesNotFire() async {
        let record = Record<String>()
        let timers = (0..<100).map { number in
            reactor.schedule(after: .milliseconds(2)) { record("cancelled \(number)") }
        }
        let early = reactor.schedule(after: .milliseconds(1)) { record("cancelled") }
        await withCheckedContinuation { continuation in
            reactor.schedule(after: .milliseconds(4)) { continuation.resume() }
            early.cancel()
            for timer in timers { timer.cancel() }
            early.cancel()
        }
        // On a slow machine the first timers may fire before they are cancelled. A timer that is cancelled on the loop
        // cannot.
        await reactor.run { [reactor] in
            reactor.schedule(after: .zero) { record("cancelled on the loop") }.cancel()
        }
        await reactor.wait(for: .milliseconds(2))
        #expect(!record.entries.contains("cancelled on the loop"))
    }

    @Test("A timer can be cancelled by another one that is due at the same time")
    func cancelledByTimerDueTogether() throws {
        let record = Record<String>()
        let reactor = try Reactor(drivenBy: .foreignLoop)
        // The timers keep this order, however long this thread waits for a processor in between.
        let second = Lock<Reactor.Timer?>(nil)
        reactor.schedule(after: .milliseconds(1)) {
            record("first")
            second.withLock { $0 }?.cancel()
        }
        second.withLock { $0 = reactor.schedule(after: .milliseconds(2)) { record("second") } }
        reactor.schedule(after: .milliseconds(3)) { record("third") }
        let ripe = try Reactor(drivenBy: .foreignLoop)
        ripe.schedule(after: .milliseconds(4)) {}
        try waitUntilReadable(ripe.pollableDescriptor)
        reactor.runReady()
        #expect(record.entries == ["first", "third"])
    }

    @Test("A deadline's closure runs after an event that was in time, and after that event's turn end")
    func deadlineRunsAfterEventInTime() throws {
        let record = Record<String>()
        let (one, other) = try StreamSocket.pair()
        let reactor = try Reactor(drivenBy: .foreignLoop)
        let source = try reactor.watch(one.descriptor.rawValue, for: [.read, .edge]) { _ in
            reactor.atTurnEnd { record("answer") }
        }
        defer { source.cancel() }
        reactor.execute {
            reactor.scheduleDeadline(after: .milliseconds(1)) { record("deadline") }
            // The loop polls for events before this closure, and checks its timers after it.
            let start = clinux_monotonic_nanoseconds()
            let isSent = (try? other.send("x")) != nil
            record(isSent ? "sent" : "not sent")
            while clinux_monotonic_nanoseconds() - start < 2_000_000 {}
        }
        reactor.runReady()
        #expect(record.entries == ["sent", "answer", "deadline"])
    }

    @Test("Cancelling a timer may release an object whose deinit calls the reactor")
    func cancellingReleasesObjectThatCallsReactor() async {
        final class Caller: Sendable {
            let reactor: Reactor
            let record: Record<String>

            init(_ reactor: Reactor, _ record: Record<String>) {
                self.reactor = reactor
                self.record = record
            }

            deinit {
                let record = record
                reactor.execute { record("let go") }
            }
        }
        let record = Record<String>()
        var caller: Caller? = Caller(reactor, record)
        let timer = reactor.schedule(after: .seconds(60)) { [caller] in _ = caller }
        caller = nil
        timer.cancel()
        await reactor.run {}
        #expect(record.entries == ["let go"])
    }

    @Test("A timer that a timer sets fires in a later turn, so that a chain of timers starves nothing")
    func timerSetByTimerFiresInLaterTurn() throws {
        let record = Record<Int>()
        let reactor = try Reactor(drivenBy: .foreignLoop)
        @Sendable func next(_ number: Int) {
            record(number)
            if number < 20 { reactor.schedule(after: .zero) { next(number + 1) } }
        }
        reactor.schedule(after: .zero) { next(1) }
        for turn in 1...20 {
            try waitUntilReadable(reactor.pollableDescriptor)
            reactor.runReady()
            #expect(record.entries == Array(1...turn))
        }
    }
}
