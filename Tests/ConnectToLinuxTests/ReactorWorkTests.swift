import ConnectToLinux
import Testing

@Suite("Work on the reactor", .timeLimit(.minutes(1)))
struct ReactorWorkTests {
    let reactor: Reactor

    init() throws {
        reactor = try Reactor.shared.get()
    }

    @Test("Closures run on the loop in the order of the calls")
    func runsInOrder() async {
        let record = Record<Int>()
        for number in 0..<1000 { reactor.execute { record(number) } }
        await reactor.run {}
        #expect(record.entries == Array(0..<1000))
    }

    @Test("A closure submitted on the loop runs after those that waited before it")
    func runsInOrderFromWithinLoop() async {
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

    @Test("Work wakes a sleeping loop each time")
    func wakesSleepingLoop() async {
        // After each round trip the loop sleeps, or is about to.
        for number in 0..<1000 {
            #expect(await reactor.run { number } == number)
        }
    }

    @Test("Work from many threads runs on the loop, each thread's in its order")
    func runsWorkOfManyThreads() async {
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

    @Test("isCurrent is true on the loop alone")
    func isCurrentOnLoopAlone() async {
        #expect(!reactor.isCurrent)
        let onTheLoop = await reactor.run { [reactor] in reactor.isCurrent }
        #expect(onTheLoop)
        #expect(!reactor.isCurrent)
    }

    @Test("A turn-end closure runs once, after the events, calls and timers of its turn")
    func turnEndRunsLast() throws {
        let record = Record<String>()
        let (one, other) = try StreamSocket.pair()
        // A loop that the test drives.
        let reactor = try Reactor(drivenBy: .foreignLoop)
        let source = try reactor.watch(one.descriptor.rawValue, for: [.read, .edge]) { _ in record("event") }
        defer { source.cancel() }
        reactor.schedule(after: .zero) { record("timer") }
        // Readable because the timer has expired: no other work waits yet.
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
