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
            let tasks = (0..<20).map { number in Task.immediate { try await pool.text("echo", "\(number)") } }
            async let drained: Void = pool.drain(within: .seconds(30))
            try await pool.until { $0.state != .open }
            await expectError(.poolClosed) { try await pool.text("echo") }
            for (number, task) in tasks.enumerated() { #expect(try await task.value == "\(number)") }
            await drained
            #expect(pool.status.state == .closed)
            #expect(children() == [])
        }
    }

    @Test("A drain whose time is over ends every caller, also those of workers that obey nothing")
    func impatientDrain() async throws {
        try await withPool(WorkerLimits(maximum: 2, grace: .milliseconds(200))) { pool, said in
            let tasks = ["spin", "wait", "echo", "echo"].map { type in
                Task.immediate { try await pool.run(type, .text("")) }
            }
            _ = try await said.waitingProcess()
            _ = try await said.waitingProcess()
            await promptly(within: .seconds(2)) { await pool.drain(within: .milliseconds(50)) }
            for task in tasks { await expectError(.poolClosed) { try await task.value } }
            #expect(pool.status.state == .closed)
        }
    }

    @Test("Dropping a pool with work queued ends every caller at once, and kills every process without a grace")
    func dropped() async throws {
        try await expectNoDescriptorLeak {
            let said = Said()
            var pool: WorkerPool? = WorkerPool(
                .poolTasks, limits: WorkerLimits(maximum: 1, grace: .seconds(60)), handlers: said.handlers)
            // Loops, which do not keep the pool. Whichever comes first keeps the worker, and obeys nothing.
            let streams = try (0..<5).map { _ in try #require(pool?.stream("spin")) }
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

    @Test("Terminating ends workers that have nothing to do in order, and a second time does nothing")
    func terminate() async throws {
        try await withPool(WorkerLimits(minimum: 2, maximum: 2)) { pool, _ in
            try await pool.until { $0.workers == 2 }
            var events = pool.events.makeAsyncIterator()
            await pool.terminate()
            var exits: [WorkerExit.Cause] = []
            while let event = await events.next() {
                if case .exited(_, let exit) = event { exits.append(exit.cause) }
            }
            #expect(exits == [.exited(0), .exited(0)])
            await pool.terminate()
            for await event in pool.events { Issue.record("a loop that begins after the end hears of \(event)") }
        }
    }
}
