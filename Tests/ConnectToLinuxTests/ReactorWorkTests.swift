import ConnectToLinux
import Testing

@Suite("Work on the reactor", .timeLimit(.minutes(1)))
struct ReactorWorkTests {
    let reactor: Reactor

    init() throws {
        reactor = try Reactor.shared.get()
    }

    @Test("runs in the order it was given")
    func order() async {
        let record = Record<Int>()
        for number in 0..<1000 { reactor.execute { record(number) } }
        await reactor.run {}
        #expect(record.entries == Array(0..<1000))
    }

    @Test("runs in the order it was given from within the loop, after what was there before")
    func orderFromWithin() async {
        let record = Record<Int>()
        await withCheckedContinuation { continuation in
            reactor.execute { [reactor] in
                reactor.execute {
                    record(2)
                    reactor.execute {
                        record(4)
                        continuation.resume()
                    }
                }
                reactor.execute { record(3) }
                record(1)
            }
        }
        #expect(record.entries == [1, 2, 3, 4])
    }

    @Test("wakes a loop that rests, each time")
    func wakes() async {
        // Each round trip ends with the loop asleep, or on its way there.
        for number in 0..<1000 {
            #expect(await reactor.run { number } == number)
        }
    }

    @Test("of many threads runs completely, on the loop, and each thread's in its order")
    func fromManyThreads() async {
        let records = (0..<8).map { _ in Record<Int>() }
        await withTaskGroup { [reactor] group in
            for record in records {
                group.addTask {
                    for number in 0..<500 {
                        reactor.execute { record(reactor.isCurrent ? number : -1) }
                    }
                    await reactor.run {}
                }
            }
        }
        for record in records { #expect(record.entries == Array(0..<500)) }
    }

    @Test("knows whether it is on the loop")
    func isCurrent() async {
        #expect(!reactor.isCurrent)
        let onTheLoop = await reactor.run { [reactor] in reactor.isCurrent }
        #expect(onTheLoop)
        #expect(!reactor.isCurrent)
    }

    @Test("at the turn's end comes once, after events, calls and timers of that turn")
    func turnEnd() throws {
        let record = Record<String>()
        let (one, other) = try StreamSocket.pair()
        // A loop turned by hand.
        let reactor = try Reactor(drivenBy: .foreignLoop)
        let source = try reactor.watch(one.descriptor.rawValue, for: [.read, .edge]) { _ in record("event") }
        defer { source.cancel() }
        reactor.schedule(after: .zero) { record("timer") }
        // Nothing else is there yet: it is the timer that has gone off.
        try waitUntilReadable(reactor.pollableDescriptor)
        reactor.atTurnEnd {
            record("end")
            reactor.atTurnEnd { record("next end") }
            reactor.execute { record("next call") }
        }
        reactor.execute { record("call") }
        try other.send("x")
        reactor.runReady()
        #expect(record.entries == ["event", "call", "timer", "end", "next call", "next end"])
    }
}
