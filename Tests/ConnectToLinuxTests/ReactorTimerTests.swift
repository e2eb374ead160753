import CConnectToLinux
import ConnectToLinux
import Testing

@Suite("Timers of the reactor", .timeLimit(.minutes(1)))
struct ReactorTimerTests {
    let reactor: Reactor

    init() throws {
        reactor = try Reactor.shared.get()
    }

    @Test("go off in the order of their deadlines, whatever the order they were set in")
    func order() async {
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
            // A loop that was kept waiting meanwhile has set the later ones for later.
            if took > 1_000_000 { continue }
            #expect(record.entries == [2, 4, 6, 8])
            return
        }
    }

    @Test("do not go off early", arguments: [0, 1, 5, 20])
    func notEarly(milliseconds: Int) async {
        let start = clinux_monotonic_nanoseconds()
        await reactor.wait(for: .milliseconds(milliseconds))
        #expect(clinux_monotonic_nanoseconds() - start >= UInt64(milliseconds) * 1_000_000)
    }

    @Test("do not go off once cancelled, and leave the others alone")
    func cancellation() async {
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
        // Cancelling may have come too late for the first of them on a slow machine, but not for those that were
        // cancelled on the loop.
        await reactor.run { [reactor] in
            reactor.schedule(after: .zero) { record("cancelled on the loop") }.cancel()
        }
        await reactor.wait(for: .milliseconds(2))
        #expect(!record.entries.contains("cancelled on the loop"))
    }

    @Test("can be cancelled by another that is due with them")
    func cancelledByAnother() throws {
        let record = Record<String>()
        let reactor = try Reactor(drivenBy: .foreignLoop)
        // In the order of their deadlines, however long this is kept waiting in between.
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

    @Test("for a deadline come behind an event that was there in time, and what that set off by the end of its turn")
    func deadlineBehindEvent() throws {
        let record = Record<String>()
        let (one, other) = try StreamSocket.pair()
        let reactor = try Reactor(drivenBy: .foreignLoop)
        let source = try reactor.watch(one.descriptor.rawValue, for: [.read, .edge]) { _ in
            reactor.atTurnEnd { record("answer") }
        }
        defer { source.cancel() }
        reactor.execute {
            reactor.scheduleDeadline(after: .milliseconds(1)) { record("deadline") }
            // The loop looks for events before it gets here, and for timers behind it.
            let start = clinux_monotonic_nanoseconds()
            let isSent = (try? other.send("x")) != nil
            record(isSent ? "sent" : "not sent")
            while clinux_monotonic_nanoseconds() - start < 2_000_000 {}
        }
        reactor.runReady()
        #expect(record.entries == ["sent", "answer", "deadline"])
    }

    @Test("may own what calls the reactor when it is let go")
    func ownsACaller() async {
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

    @Test("set by a timer go off in a later turn, so that a chain of them starves nothing")
    func setByATimer() throws {
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
