import ConnectTo
import ConnectToTestSupport
import Synchronization
import Testing

@testable import ConnectToMessaging

@Suite("Coalescing senders", .timeLimit(.minutes(1)))
struct CoalescingSenderTests {
    private struct Position: Codable, Sendable, Equatable {
        var key: String
        var number: Int
    }

    private static let moved = Event<Position>("moved")

    @Test("Of 100,000 values that come while a handler runs, it gets the last one alone")
    func slowHandler() async throws {
        let (sender, receiver) = try makeMessengers()
        let handled = Mutex<[Int]>([])
        let (started, gate) = (Gate(), Gate())
        receiver.on(Self.moved, order: .oneAtATime) { position, _ in
            handled.withLock { $0.append(position.number) }
            await started.open()
            await gate.wait()
        }
        let positions = sender.coalescing(Self.moved)
        positions.post(Position(key: "", number: 0))
        await started.wait()
        for number in 1...100_000 { positions.post(Position(key: "", number: number)) }
        await gate.open()
        try await positions.flush()
        #expect(handled.withLock { $0 } == [0, 100_000])
    }

    @Test("The values of each key are handled in their order, and the last of each is")
    func orderOfEachKey() async throws {
        let (sender, receiver) = try makeMessengers()
        let handled = Mutex<[String: [Int]]>([:])
        receiver.on(Self.moved) { position, _ in
            await Task.yield()
            handled.withLock { $0[position.key, default: []].append(position.number) }
        }
        let positions = sender.coalescing(Self.moved)
        // More keys than are under way at a time.
        let keys = (0..<100).map { "key \($0)" }
        for number in 0..<1_000 {
            for key in keys { positions.post(Position(key: key, number: number), key: key) }
        }
        try await positions.flush()
        handled.withLock { handled in
            for key in keys {
                let numbers = handled[key] ?? []
                #expect(numbers.last == 999, "\(key)")
                #expect(numbers == Array(Set(numbers)).sorted(), "\(key)")
            }
        }
    }

    @Test("A value that the other program has no handler for is an error until a later one of its key is handled")
    func errorsAreSeen() async throws {
        let (sender, receiver) = try makeMessengers()
        let positions = sender.coalescing(Self.moved)
        #expect(positions.error == nil)
        positions.post(Position(key: "a", number: 1), key: "a")
        await expectError(.unknownType) { try await positions.flush() }
        #expect(positions.error?.code == .unknownType)
        receiver.on(Self.moved) { _, _ in }
        positions.post(Position(key: "b", number: 2), key: "b")
        await expectError(.unknownType) { try await positions.flush() }
        positions.post(Position(key: "a", number: 3), key: "a")
        try await positions.flush()
        #expect(positions.error == nil)
    }

    @Test("The end of the line ends waiting for values, with its reason")
    func lineEnds() async throws {
        let (sender, receiver) = try makeMessengers()
        let started = Gate()
        receiver.on(Self.moved) { _, _ in
            await started.open()
            try? await Task.sleep(for: .seconds(100))
        }
        let positions = sender.coalescing(Self.moved)
        for key in ["a", "b"] { positions.post(Position(key: key, number: 1), key: key) }
        await started.wait()
        positions.post(Position(key: "a", number: 2), key: "a")
        async let error = expectError(.lineEnded) { try await positions.flush() }
        receiver.close()
        #expect(await error?.reason?.code == .closed)
        positions.post(Position(key: "a", number: 3), key: "a")
        await expectError(.lineEnded) { try await positions.flush() }
    }

    @Test("A task that is cancelled no longer waits for the values, and they are handled all the same")
    func cancelledFlush() async throws {
        let (sender, receiver) = try makeMessengers()
        let (started, gate) = (Gate(), Gate())
        receiver.on(Self.moved) { _, _ in
            await started.open()
            await gate.wait()
        }
        let positions = sender.coalescing(Self.moved)
        positions.post(Position(key: "", number: 1))
        await started.wait()
        // It waits when it is cancelled.
        let waiting = Task.immediate { await expectError(.cancelled) { try await positions.flush() } }
        waiting.cancel()
        _ = await waiting.value
        await gate.open()
        try await positions.flush()
    }

    @Test("Waiting for the values ends though newer ones come all the time")
    func flushAmongPosts() async throws {
        let (sender, receiver) = try makeMessengers()
        let positions = sender.coalescing(Self.moved)
        // Each value makes the next, so that there is one at any time.
        receiver.on(Self.moved) { position, _ in
            positions.post(Position(key: "", number: position.number + 1))
        }
        positions.post(Position(key: "", number: 0))
        try await positions.flush()
        sender.close()
    }

    @Test("Values that wait when the sender is dropped are handled")
    func droppedSender() async throws {
        let (sender, receiver) = try makeMessengers()
        let (last, gate) = (Gate(), Gate())
        receiver.on(Self.moved) { position, _ in
            await gate.wait()
            if position.number == 2 { await last.open() }
        }
        var positions: CoalescingSender<Position>? = sender.coalescing(Self.moved)
        for number in 1...2 { positions?.post(Position(key: "", number: number)) }
        positions = nil
        await gate.open()
        await last.wait()
    }
}
