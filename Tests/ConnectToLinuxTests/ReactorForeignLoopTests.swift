import ConnectToLinux
import Glibc
import Synchronization
import Testing

/// A program's main loop: a thread that polls the descriptor and calls `runReady()`, as GLib or Qt would.
private final class ForeignLoop: Sendable {
    let reactor: Reactor
    private let isOver = Atomic(false)
    private let polls = Atomic(0)

    /// How many times poll has reported that the loop has work.
    var wakeups: Int { polls.load(ordering: .sequentiallyConsistent) }

    init() throws {
        reactor = try Reactor(drivenBy: .foreignLoop)
        try startDetachedThread(named: "foreign") { [self] in
            while !isOver.load(ordering: .sequentiallyConsistent) {
                guard (try? isReadable(reactor.pollableDescriptor, within: -1)) == true else { return }
                polls.add(1, ordering: .sequentiallyConsistent)
                reactor.runReady()
            }
        }
    }

    func stop() async {
        await reactor.run { [self] in isOver.store(true, ordering: .sequentiallyConsistent) }
    }
}

@Suite("The reactor in a foreign main loop", .timeLimit(.minutes(1)))
struct ReactorForeignLoopTests {
    @Test("A foreign loop wakes for each piece of work from another thread, and no oftener")
    func wakesForOtherThreadsWork() async throws {
        let loop = try ForeignLoop()
        for number in 0..<500 {
            #expect(await loop.reactor.run { number } == number)
        }
        // At most two wake-ups for each closure: one that runs it, and one that finds nothing.
        #expect(loop.wakeups <= 1000)
        await loop.stop()
    }

    @Test("A foreign loop runs the work of many threads")
    func runsWorkOfManyThreads() async throws {
        let loop = try ForeignLoop()
        let record = Record<Bool>()
        await withTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<200 { await loop.reactor.run { record(loop.reactor.isCurrent) } }
                }
            }
        }
        #expect(record.entries == Array(repeating: true, count: 1600))
        await loop.stop()
    }

    @Test("A foreign loop runs timers, tasks and events")
    func runsTimersTasksEvents() async throws {
        let loop = try ForeignLoop()
        let (near, far) = try StreamSocket.pair()
        await loop.reactor.wait(for: .milliseconds(2))
        await loop.reactor.wait(for: .milliseconds(1))
        let place = await Task(executorPreference: loop.reactor.tasks) {
            await Task.yield()
            return loop.reactor.isCurrent
        }.value
        #expect(place)
        let (events, continuation) = AsyncStream.makeStream(of: Readiness.self)
        let source = try loop.reactor.watch(near.descriptor.rawValue, for: [.read, .edge]) {
            continuation.yield($0)
        }
        try far.send("x")
        #expect(await events.first { _ in true } == .read)
        source.cancel()
        await loop.stop()
    }

    @Test("The pollable descriptor is readable only while work waits")
    func pollableDescriptorReadableForWork() throws {
        let reactor = try Reactor(drivenBy: .foreignLoop)
        let record = Record<Int>()
        for round in 1...100 {
            #expect(try !isReadable(reactor.pollableDescriptor))
            // Calling runReady without work does no harm.
            reactor.runReady()
            reactor.execute { record(round) }
            reactor.execute {}
            #expect(try isReadable(reactor.pollableDescriptor))
            #expect(record.entries.count == round - 1)
            reactor.runReady()
            #expect(record.entries.last == round)
        }
    }

    @Test("The pollable descriptor is readable only once a timer has expired")
    func pollableDescriptorReadableForTimer() throws {
        let reactor = try Reactor(drivenBy: .foreignLoop)
        let record = Record<Int>()
        for round in 1...10 {
            reactor.schedule(after: .milliseconds(1)) { record(round) }
            try waitUntilReadable(reactor.pollableDescriptor)
            reactor.runReady()
            #expect(record.entries.count == round)
            #expect(try !isReadable(reactor.pollableDescriptor))
        }
    }

    @Test("One call of runReady runs the work that the ready work leads to")
    func runReadyRunsFollowingWork() throws {
        let reactor = try Reactor(drivenBy: .foreignLoop)
        let record = Record<Int>()
        @Sendable func next(_ number: Int) {
            record(number)
            if number < 50 { reactor.execute { next(number + 1) } }
        }
        reactor.execute { next(1) }
        reactor.runReady()
        #expect(record.entries == Array(1...50))
    }

    @Test("runReady returns though work never ends, and the rest is ready at once")
    func runReadyReturnsFromEndlessWork() throws {
        let reactor = try Reactor(drivenBy: .foreignLoop)
        let record = Record<Int>()
        @Sendable func next(_ number: Int) {
            record(number)
            if number < 10_000 { reactor.execute { next(number + 1) } }
        }
        reactor.execute { next(1) }
        reactor.runReady()
        #expect(record.entries.count < 10_000)
        var calls = 1
        while try isReadable(reactor.pollableDescriptor) {
            reactor.runReady()
            calls += 1
        }
        #expect(record.entries.count == 10_000)
        #expect(calls < 1_000)
    }

    @Test("A handler may call runReady")
    func runReadyInsideHandler() throws {
        let reactor = try Reactor(drivenBy: .foreignLoop)
        let record = Record<String>()
        reactor.execute {
            reactor.execute { record("inner") }
            reactor.runReady()
            record(reactor.isCurrent ? "outer, on the loop" : "outer, not on the loop")
        }
        reactor.runReady()
        #expect(record.entries == ["inner", "outer, on the loop"])
        #expect(!reactor.isCurrent)
    }
}
