import Testing

@testable import ConnectToLinux

@Suite("Latch", .timeLimit(.minutes(1)))
struct LatchTests {
    @Test("A latch keeps its first value, and a task that waits later gets it")
    func keepsFirstValue() async {
        let latch = Latch<Int>()
        #expect(latch.value == nil)
        latch.set(1)
        latch.set(2)
        #expect(latch.value == 1)
        #expect(await latch.wait() == 1)
    }

    @Test("Every task that waits for a latch gets its value")
    func manyWaiters() async {
        let latch = Latch<Int>()
        let sum = await withTaskGroup(of: Int?.self) { group in
            for _ in 0..<100 { group.addTask { await latch.wait() } }
            group.addTask {
                latch.set(7)
                return 0
            }
            return await group.reduce(0) { $0 + ($1 ?? -1_000) }
        }
        #expect(sum == 700)
    }

    @Test("Cancelling a task that waits for a latch ends its wait alone")
    func cancelledWaiter() async {
        let latch = Latch<Int>()
        let staying = Task { await latch.wait() }
        let leaving = Task { await latch.wait() }
        leaving.cancel()
        #expect(await leaving.value == nil)
        latch.set(3)
        #expect(await staying.value == 3)
    }

    @Test("A wait for a latch ends when setting and cancelling happen at the same moment")
    func setAndCancelledAtOnce() async {
        for _ in 0..<500 {
            let latch = Latch<Int>()
            let waiting = Task { await latch.wait() }
            async let cancelling: Void = waiting.cancel()
            async let setting = latch.set(1)
            _ = await (cancelling, setting)
            let value = await waiting.value
            #expect(value == nil || value == 1)
        }
    }
}
