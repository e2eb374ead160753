import Synchronization
import Testing

@testable import ConnectToLinux

@Suite("The budget of descriptors", .timeLimit(.minutes(1)))
struct DescriptorBudgetTests {
    private final class Holder: Sendable {}

    /// More than any limit of the process.
    private static let all = Int.max / 2

    @Test("A loop looks for room with one timer, however many lines wait for room")
    func oneTimerForAllLines() throws {
        let reactor = try Reactor(drivenBy: .foreignLoop)
        let holders = (0..<100).map { _ in Holder() }
        let called = Atomic(0)
        DescriptorBudget.count(Self.all)
        for holder in holders {
            DescriptorBudget.whenThereIsRoom(for: ObjectIdentifier(holder)) {
                called.add(1, ordering: .relaxed)
                DescriptorBudget.callNext()
            }
            DescriptorBudget.lookForRoom(on: reactor)
        }
        #expect(reactor.state.withLock { $0.timers.count } == 1)
        #expect(called.load(ordering: .relaxed) == 0)
        DescriptorBudget.count(-Self.all)
        #expect(called.load(ordering: .relaxed) == holders.count)
        // The timer finds that no line waits any more.
        while reactor.state.withLock({ !$0.timers.isEmpty }), !Task.isCancelled { reactor.runReady() }
    }

    @Test("A line that stops waiting for room is neither called nor kept in memory")
    func lineThatStopsWaiting() {
        let called = Atomic(0)
        weak var released: Holder?
        DescriptorBudget.count(Self.all)
        do {
            let holder = Holder()
            released = holder
            DescriptorBudget.whenThereIsRoom(for: ObjectIdentifier(holder)) {
                withExtendedLifetime(holder) {}
                called.add(1, ordering: .relaxed)
                DescriptorBudget.callNext()
            }
            DescriptorBudget.stopWaiting(ObjectIdentifier(holder))
        }
        #expect(released == nil)
        DescriptorBudget.count(-Self.all)
        #expect(called.load(ordering: .relaxed) == 0)
    }
}
