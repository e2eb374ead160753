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

    /// For code that is on the loop already.
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

    @Test("runs a task that prefers it on the loop, also after it has waited")
    func task() async {
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

    @Test("runs its actors on the loop, for callers from anywhere")
    func actor() async {
        let counter = Counter(on: reactor)
        let places = await withTaskGroup { group in
            for _ in 0..<100 { group.addTask { await counter.increment() } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(places == Array(repeating: true, count: 100))
        #expect(await counter.count == 100)
    }

    @Test("lets an event's handler into an actor without waiting")
    func assumeIsolated() async throws {
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
        // Events come before calls in a turn, and this call is in that turn or a later one.
        await reactor.run {}
        #expect(await counter.count == 1)
        await reactor.run { counter.incrementAtOnce() }
        #expect(await counter.count == 2)
        source.cancel()
    }

    @Test("lets a task on it into an actor on it and back within the turn")
    func sameTurn() async {
        let counter = Counter(on: reactor)
        let turns = await Task(executorPreference: reactor.tasks) { [reactor] in
            let before = reactor.turnNumber
            _ = await counter.increment()
            return (before, reactor.turnNumber)
        }.value
        #expect(turns.0 == turns.1)
    }

    @Test("ends the process when code that is not on the loop says that it is")
    func wrongPlace() async {
        await #expect(processExitsWith: .failure) {
            let counter = Counter(on: try Reactor())
            counter.incrementAtOnce()
        }
    }
}
