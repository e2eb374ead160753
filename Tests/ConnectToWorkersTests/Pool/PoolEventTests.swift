import ConnectTo
import ConnectToLinux
import ConnectToMessaging
import ConnectToTestSupport
import Glibc
import Testing

@testable import ConnectToWorkers

@Suite("Events of a pool, and what its workers say", .serialized, .timeLimit(.minutes(1)))
struct PoolEventTests {
    @Test("A loop over the events hears of each worker's start, readiness and exit, in this order")
    func events() async throws {
        try await withPool(WorkerLimits(maximum: 1)) { pool, _ in
            let events = pool.events
            var iterator = events.makeAsyncIterator()
            await expectError(.workerCrashed) { try await pool.text("exit", "5") }
            guard case .started(1) = await iterator.next(), case .ready(let worker) = await iterator.next(),
                case .exited(let gone, let exit) = await iterator.next()
            else {
                Issue.record("not started, ready, exited")
                return
            }
            #expect(worker.number == 1 && worker == gone)
            #expect(exit.cause == .exited(5) && exit.processID == worker.processID)
        }
    }

    @Test("A loop that begins later hears first of the workers that are there")
    func lateLoop() async throws {
        try await withPool(WorkerLimits(minimum: 2, maximum: 2)) { pool, _ in
            try await pool.until { $0.workers == 2 }
            var numbers: [Int] = []
            for await event in pool.events {
                guard case .ready(let worker) = event else { break }
                numbers.append(worker.number)
                if numbers.count == 2 { break }
            }
            #expect(numbers == [1, 2])
        }
    }

    @Test("A loop that takes nothing misses only workers that have come and gone, and what waits for it is bounded")
    func slowLoop() async throws {
        let board = EventBoard()
        let queue = board.beginLoop()
        func worker(_ number: Int) -> PooledWorker { PooledWorker(number: number, processID: Int32(number)) }
        let exit = WorkerExit(cause: .exited(0), errorLines: "", processID: 0)
        board.post(.started(1))
        board.post(.ready(worker(1)))
        for number in 2..<2_500 {
            board.post(.started(number))
            board.post(.ready(worker(number)))
            board.post(.exited(worker(number), exit))
        }
        board.post(.exited(worker(1), exit))
        board.post(.started(2_500))
        board.end()
        var open: Set<Int> = []
        var count = 0
        while let event = await queue.next() {
            count += 1
            switch event {
            case .started(let number): #expect(open.insert(number).inserted)
            case .exited(let worker, _): #expect(open.remove(worker.number) != nil)
            default: break
            }
        }
        #expect(open == [2_500])
        #expect(count <= WorkerEventQueue.limit + 3, "\(count)")
    }

    @Test("A broadcast reaches every worker that is there")
    func broadcast() async throws {
        try await withPool(WorkerLimits(minimum: 2, maximum: 2)) { pool, said in
            try await pool.until { $0.workers == 2 }
            #expect(try pool.broadcast(Event<String>("news"), "spring").isEmpty)
            let heard = [await said.next("heard"), await said.next("heard")].compactMap(\.self)
            let processes = Set(heard.map { $0.prefix { $0 != " " } })
            #expect(processes.count == 2)
            #expect(heard.allSatisfy { $0.hasSuffix(" spring") })
            #expect(processes == Set(pool.workers.map { "\($0.processID)"[...] }))
        }
    }

    @Test("A handler of what workers say by themselves learns which worker it was")
    func messageOfAWorker() async throws {
        try await withPool(WorkerLimits(maximum: 1)) { pool, said in
            let (heard, sink) = AsyncStream<(PooledWorker?, String)>.makeStream()
            said.handlers.onEvent("waiting") { [weak pool] payload, context in
                sink.yield((pool?.worker(of: context), payload.text ?? ""))
            }
            let task = Task { try await pool.run("wait") }
            var iterator = heard.makeAsyncIterator()
            let (worker, process) = try #require(await iterator.next())
            #expect(worker == pool.workers.first)
            #expect(process == worker.map { "\($0.processID)" })
            task.cancel()
            await expectError(.cancelled) { try await task.value }
        }
    }
}
