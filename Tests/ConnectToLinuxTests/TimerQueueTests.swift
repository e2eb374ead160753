import Testing

@testable import ConnectToLinux

@Suite("A timer queue")
struct TimerQueueTests {
    private let record = Record<String>()

    private func run(_ queue: inout TimerQueue, at now: UInt64) -> [String] {
        let before = record.entries.count
        while let call = queue.removeFirstDue(at: now) { call() }
        return Array(record.entries.dropFirst(before))
    }

    private func insert(_ name: String, at deadline: UInt64, into queue: inout TimerQueue) -> UInt64 {
        queue.insert(deadline: deadline) { [record] in record(name) }
    }

    @Test("A timer queue returns due closures by deadline, then by insertion, and keeps the rest")
    func dueByDeadlineThenInsertion() {
        var queue = TimerQueue()
        #expect(queue.isEmpty)
        #expect(queue.earliestDeadline() == nil)
        _ = insert("c", at: 30, into: &queue)
        _ = insert("a", at: 10, into: &queue)
        _ = insert("b1", at: 20, into: &queue)
        _ = insert("b2", at: 20, into: &queue)
        #expect(queue.earliestDeadline() == 10)
        #expect(run(&queue, at: 9) == [])
        #expect(run(&queue, at: 20) == ["a", "b1", "b2"])
        #expect(queue.earliestDeadline() == 30)
        #expect(run(&queue, at: 20) == [])
        #expect(run(&queue, at: .max) == ["c"])
        #expect(queue.earliestDeadline() == nil)
    }

    @Test("A timer queue does not run a cancelled closure, and returns it once")
    func cancelledClosureIsReturnedOnce() {
        var queue = TimerQueue()
        let a = insert("a", at: 10, into: &queue)
        _ = insert("b", at: 20, into: &queue)
        #expect(queue.earliestDeadline() == 10)
        #expect(queue.cancel(a) != nil)
        #expect(queue.earliestDeadline() == 20)
        #expect(queue.cancel(a) == nil)
        #expect(run(&queue, at: 30) == ["b"])
    }

    @Test("A timer queue has no deadline once all entries are cancelled")
    func allCancelled() {
        var queue = TimerQueue()
        let ids = (0..<10).map { insert("x", at: $0, into: &queue) }
        for id in ids { _ = queue.cancel(id) }
        #expect(queue.isEmpty)
        #expect(queue.earliestDeadline() == nil)
    }

    @Test("A closure that has left the timer queue can no longer be cancelled")
    func cancelledTooLate() {
        var queue = TimerQueue()
        let a = insert("a", at: 10, into: &queue)
        #expect(run(&queue, at: 10) == ["a"])
        #expect(queue.cancel(a) == nil)
    }

    @Test("A timer queue keeps its order over thousands of random insertions and cancellations")
    func manyInAnyOrder() {
        var queue = TimerQueue()
        var numbers = SystemRandomNumberGenerator()
        var expected: [(deadline: UInt64, id: UInt64)] = []
        for _ in 0..<5000 {
            let deadline = UInt64.random(in: 1...1000, using: &numbers)
            let id = queue.insert(deadline: deadline) {}
            if Bool.random(using: &numbers) {
                expected.append((deadline, id))
            } else {
                _ = queue.cancel(id)
            }
        }
        expected.sort { $0 < $1 }
        for (deadline, _) in expected {
            #expect(queue.removeFirstDue(at: deadline - 1) == nil)
            #expect(queue.removeFirstDue(at: deadline) != nil)
        }
        #expect(queue.earliestDeadline() == nil)
    }
}
