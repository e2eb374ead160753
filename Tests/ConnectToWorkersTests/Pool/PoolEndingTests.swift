import ConnectTo
import ConnectToMessaging
import ConnectToTestSupport
import ConnectToTesting
import ConnectToWorkers
import Glibc
import Testing

@Suite("How pools end", .serialized, .timeLimit(.minutes(1)))
struct PoolEndingTests {
    @Test("A drained pool does what it has, takes nothing more, and closes")
    func drain() async throws {
        try await withPool(WorkerLimits(maximum: 1)) { pool, _ in
            let tasks = (0..<20).map { number in Task { try await pool.text("echo", "\(number)") } }
            try await pool.until { $0.waiting + $0.running == 20 || $0.workers == 1 }
            async let drained: Void = pool.drain(within: .seconds(30))
            try await pool.until { $0.state != .open }
            await expectError(.poolClosed) { try await pool.text("echo") }
            var outcomes = (answered: 0, late: 0)
            for (number, task) in tasks.enumerated() {
                do {
                    #expect(try await task.value == "\(number)")
                    outcomes.answered += 1
                } catch CallError.Code.poolClosed {
                    // Its Swift task has begun only behind the drain.
                    outcomes.late += 1
                }
            }
            #expect(outcomes.answered > 0 && outcomes.answered + outcomes.late == 20)
            await drained
            #expect(pool.status.state == .closed)
            #expect(children() == [])
        }
    }

    @Test("A drain whose time is over ends every caller, also those of workers that obey nothing")
    func impatientDrain() async throws {
        try await withPool(WorkerLimits(maximum: 2, grace: .milliseconds(200))) { pool, said in
            let tasks = ["spin", "wait", "echo", "echo"].map { type in Task { try await pool.run(type, .text("")) } }
            _ = try await said.waitingProcess()
            _ = try await said.waitingProcess()
            await pool.drain(within: .milliseconds(50))
            var closed = 0
            for task in tasks {
                do { _ = try await task.value } catch CallError.Code.poolClosed { closed += 1 }
            }
            #expect(closed >= 2)
            #expect(pool.status.state == .closed)
        }
    }

    @Test("Dropping a pool with work queued ends every caller and every process")
    func dropped() async throws {
        try await expectNoDescriptorLeak {
            let said = Said()
            var pool: WorkerPool? = WorkerPool(
                .poolTasks, limits: WorkerLimits(maximum: 1), handlers: said.handlers)
            let streams = try (0..<5).map { _ in try #require(pool?.stream("ticks")) }
            let events = try #require(pool?.events)
            let tasks = streams.map { stream in
                Task { for try await _ in stream {} }
            }
            let process = try await said.waitingProcess()
            pool = nil
            for task in tasks { await expectError(.poolClosed) { try await task.value } }
            for await _ in events {}
            try await waitUntilGone(process)
            #expect(children() == [])
        }
    }

    @Test("A pool that is dropped while its first worker starts leaves nothing")
    func droppedAtOnce() async throws {
        try await expectNoDescriptorLeak {
            var pool: WorkerPool? = WorkerPool(.poolTasks, limits: WorkerLimits(minimum: 2, maximum: 2))
            let events = try #require(pool?.events)
            pool = nil
            for await _ in events {}
            #expect(children() == [])
        }
    }

    @Test("Terminating ends workers that have nothing to do in order")
    func terminate() async throws {
        try await withPool(WorkerLimits(minimum: 2, maximum: 2)) { pool, _ in
            try await pool.until { $0.workers == 2 }
            let events = pool.events
            await pool.terminate()
            var exits: [WorkerExit.Cause] = []
            for await event in events {
                if case .exited(_, let exit) = event { exits.append(exit.cause) }
            }
            #expect(exits.isEmpty, "a loop that begins after the end hears of nothing")
            await pool.terminate()
        }
    }
}
