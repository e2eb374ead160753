import ConnectTo
import ConnectToMessaging
import ConnectToTestSupport
import ConnectToWorkers
import Testing

@Suite("Pools of workers", .serialized, .timeLimit(.minutes(1)))
struct PoolTests {
    @Test("Tasks are answered by workers, whatever their number, each with its own answer")
    func tasks() async throws {
        try await withPool { pool, _ in
            let echo = Request<String, String>("echo")
            #expect(try await pool.run(echo, "first") == "first")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<200 {
                    group.addTask {
                        let answer = try await pool.run(echo, "\(number)")
                        #expect(answer == "\(number)")
                    }
                }
                try await group.waitForAll()
            }
            #expect(pool.workers.count <= 2)
            #expect(pool.status.waiting == 0 && pool.status.running == 0)
        }
    }

    @Test("Tasks one after the other are done by one worker, the warm one")
    func warmWorker() async throws {
        try await withPool(WorkerLimits(minimum: 3, maximum: 3)) { pool, _ in
            let first = try await pool.text("process")
            for _ in 0..<20 { #expect(try await pool.text("process") == first) }
        }
    }

    @Test("A failure of the handler arrives whole, and the worker goes on")
    func failures() async throws {
        try await withPool(WorkerLimits(maximum: 1)) { pool, _ in
            let worker = try await pool.text("process")
            let refusal = await expectError(.refused) { try await pool.text("refuse") }
            #expect(refusal?.message == "not that")
            await expectError(.unknownType) { try await pool.text("nothing of the kind") }
            #expect(try await pool.text("process") == worker)
        }
    }

    @Test("tryRun refuses a task when the queue is full, and run waits for room")
    func fullQueue() async throws {
        try await withPool(WorkerLimits(maximum: 1, queue: 1)) { pool, said in
            let running = Task { try await pool.tryRun("wait") }
            _ = try await said.waitingProcess()
            let queued = Task { try await pool.tryRun("echo", .text("queued")).text }
            try await pool.until { $0.waiting == 1 }
            await expectError(.queueFull) { try await pool.tryRun("echo", .text("refused")) }
            let patient = Task { try await pool.run("echo", .text("patient")).text }
            try await pool.until { $0.waiting == 2 }
            running.cancel()
            #expect(try await queued.value == "queued")
            #expect(try await patient.value == "patient")
        }
    }

    @Test("Two tasks that are cancelled in the queue are gone, and the third behind them is done")
    func cancelledInTheQueue() async throws {
        try await withPool(WorkerLimits(maximum: 1)) { pool, said in
            let running = Task { try await pool.run("wait") }
            _ = try await said.waitingProcess()
            let first = Task { try await pool.text("crash") }
            try await pool.until { $0.waiting == 1 }
            let second = Task { try await pool.text("crash") }
            try await pool.until { $0.waiting == 2 }
            let third = Task { try await pool.text("echo", "third") }
            try await pool.until { $0.waiting == 3 }
            first.cancel()
            second.cancel()
            let cancelled = await expectError(.cancelled) { try await first.value }
            #expect(cancelled?.stage == .waiting)
            await expectError(.cancelled) { try await second.value }
            running.cancel()
            await expectError(.cancelled) { try await running.value }
            #expect(try await third.value == "third")
        }
    }

    @Test("Tasks that are cancelled in the moment of their submission end once, and others are not touched")
    func cancelledAtOnce() async throws {
        try await withPool { pool, _ in
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<400 {
                    group.addTask {
                        let task = Task { try await pool.text("echo", "\(number)") }
                        if number % 2 == 0 { task.cancel() }
                        do {
                            let answer = try await task.value
                            #expect(answer == "\(number)")
                            return true
                        } catch CallError.Code.cancelled {
                            #expect(number % 2 == 0)
                            return false
                        }
                    }
                }
                let answered = try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
                #expect(answered >= 200)
            }
            #expect(pool.status.waiting == 0)
            try await pool.until { $0.running == 0 }
            #expect(try await pool.text("echo", "after") == "after")
        }
    }

    @Test("A task that waits too long for a worker ends there, and one that runs too long is cancelled at the worker")
    func limits() async throws {
        try await withPool(WorkerLimits(maximum: 1)) { pool, said in
            let worker = try await pool.text("process")
            let running = Task { try await pool.run("wait", within: .seconds(1)) }
            _ = try await said.waitingProcess()
            let late = await expectError(.timedOut) { try await pool.run("echo", queued: .milliseconds(20)) }
            #expect(late?.stage == .waiting)
            let long = await expectError(.timedOut) { try await running.value }
            #expect(long?.stage == .sent)
            #expect(try await pool.text("process") == worker, "it has obeyed, and goes on")
        }
    }

    @Test("A worker in an endless loop is killed after the grace, it alone, and gets no task meanwhile")
    func endlessLoop() async throws {
        try await withPool(WorkerLimits(minimum: 2, maximum: 2, grace: .milliseconds(200))) { pool, said in
            let stuck = Task { try await pool.run("spin") }
            let process = try await said.waitingProcess()
            stuck.cancel()
            await expectError(.cancelled) { try await stuck.value }
            let other = try await pool.text("process")
            #expect(other != "\(process)")
            try await waitUntilGone(process)
            for _ in 0..<10 { #expect(try await pool.text("process") != "\(process)") }
            #expect(pool.workers.contains { "\($0.processID)" == other }, "the other worker goes on")
        }
    }

    @Test("A worker is replaced after so many tasks, with a queue behind it", arguments: [1, 2, 7])
    func recycling(_ count: Int) async throws {
        try await withPool(WorkerLimits(maximum: 2, tasksBeforeRecycling: count)) { pool, _ in
            let processes = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<20 { group.addTask { try await pool.text("process") } }
                return try await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
            }
            #expect(processes.values.reduce(0, +) == 20)
            #expect(processes.values.allSatisfy { $0 <= count }, "\(processes)")
            #expect(processes.count >= 20 / count)
        }
    }

    @Test("A worker that has grown above the limit is replaced after the task")
    func memory() async throws {
        try await withPool(WorkerLimits(maximum: 1, memory: 100 << 20)) { pool, _ in
            let first = try await pool.text("process")
            #expect(try await pool.text("process") == first)
            _ = try await pool.run("grow", .text("\(150 << 20)"))
            #expect(try await pool.text("process") != first)
        }
    }

    @Test("A worker ends when it has had nothing to do, and the next task starts another")
    func idleTime() async throws {
        try await withPool(WorkerLimits(maximum: 2, idleTime: .milliseconds(50))) { pool, _ in
            let first = try await pool.text("process")
            try await pool.until { $0.workers == 0 && $0.ending == 0 }
            #expect(try await pool.text("process") != first)
        }
    }

    @Test("Several tasks of a worker run at the same time, if it may have several")
    func severalTasks() async throws {
        try await withPool(WorkerLimits(maximum: 1, tasksPerWorker: 3)) { pool, said in
            let tasks = (0..<3).map { _ in Task { try await pool.run("wait") } }
            var processes: Set<Int32> = []
            for _ in 0..<3 { processes.insert(try await said.waitingProcess()) }
            #expect(processes.count == 1)
            for task in tasks { task.cancel() }
            for task in tasks { await expectError(.cancelled) { try await task.value } }
        }
    }

    @Test("A worker asks the parent while it does a task")
    func nested() async throws {
        try await withPool { pool, said in
            said.handlers.onRequest("price") { [weak pool] payload, context in
                .text("\(payload.text ?? "") costs 3, says \(pool?.worker(of: context) == nil ? "nobody" : "a worker")")
            }
            let answer = try await pool.text("ask", "tea")
            #expect(answer == "tea costs 3, says a worker")
        }
    }
}

extension WorkerPool {
    /// Waits until the pool has come so far.
    func until(_ condition: (Status) -> Bool) async throws {
        while !condition(status) { try await Task.sleep(for: .milliseconds(2)) }
    }
}
