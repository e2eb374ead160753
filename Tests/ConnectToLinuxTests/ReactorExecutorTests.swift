import ConnectToLinux
import Testing

/// An actor whose executor is a loop.
private actor Counter {
    private let reactor: Reactor
    private(set) var count = 0

    init(on reactor: Reactor) {
        self.reactor = reactor
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor { reactor.asUnownedSerialExecutor() }

    func increment() -> Bool {
        count += 1
        return reactor.isCurrent
    }

    /// For code that runs on the loop already.
    nonisolated func incrementAtOnce() {
        assumeIsolated { $0.count += 1 }
    }
}

@Suite("The reactor as an executor", .timeLimit(.minutes(1)))
struct ReactorExecutorTests {
    let reactor: Reactor

    init() throws {
        reactor = try Reactor.shared.get()
    }

    @Test("A task that prefers the reactor runs on the loop, also after suspensions")
    func taskRunsOnLoop() async {
        let places = await Task(executorPreference: reactor.tasks) { [reactor] in
            var places = [reactor.isCurrent]
            await Task.yield()
            places.append(reactor.isCurrent)
            await reactor.wait(for: .milliseconds(1))
            places.append(reactor.isCurrent)
            return places
        }.value
        #expect(places == [true, true, true])
    }

    @Test("An actor on the reactor runs on the loop, whichever thread calls it")
    func actorRunsOnLoop() async {
        let counter = Counter(on: reactor)
        let places = await withTaskGroup { group in
            for _ in 0..<100 { group.addTask { await counter.increment() } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(places == Array(repeating: true, count: 100))
        #expect(await counter.count == 100)
    }

    @Test("An event's handler enters an actor on its loop without suspension")
    func handlerEntersActor() async throws {
        let counter = Counter(on: reactor)
        let (near, far) = try StreamSocket.pair()
        let source = try await withCheckedThrowingContinuation { continuation in
            do {
                let source = try reactor.watch(near.descriptor.rawValue, for: [.read, .edge]) { _ in
                    counter.incrementAtOnce()
                }
                continuation.resume(returning: source)
            } catch {
                continuation.resume(throwing: error)
            }
        }
        try far.send("x")
        // In each turn events come before calls, so the event is handled before this call.
        await reactor.run {}
        #expect(await counter.count == 1)
        await reactor.run { counter.incrementAtOnce() }
        #expect(await counter.count == 2)
        source.cancel()
    }

    @Test("A task on the loop calls an actor on the loop within one turn")
    func taskCallsActorWithinTurn() async {
        let counter = Counter(on: reactor)
        let turns = await Task(executorPreference: reactor.tasks) { [reactor] in
            let before = reactor.turnNumber
            _ = await counter.increment()
            return (before, reactor.turnNumber)
        }.value
        #expect(turns.0 == turns.1)
    }

    @Test("assumeIsolated off the loop ends the process")
    func assumeIsolatedOffLoop() async {
        await #expect(processExitsWith: .failure) {
            let counter = Counter(on: try Reactor())
            counter.incrementAtOnce()
        }
    }
}
