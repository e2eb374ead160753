import ConnectTo
import ConnectToMessaging
import ConnectToTestSupport
import ConnectToWorkers
import Glibc
import Testing

@Suite("What travels with the tasks of a pool", .serialized, .timeLimit(.minutes(1)))
struct PoolCargoTests {
    @Test("Ports, files and buffers go to a worker with the task, and come back with the answer")
    func transfer() async throws {
        try await withPool { pool, _ in
            let (here, there) = try MessageChannel.makePair()
            let buffer = try SharedBuffer(count: 4_096)
            let file = OpenFile(adopting: open("/etc/hostname", O_RDONLY | O_CLOEXEC))
            let answer = try await pool.run(
                "swap", .text("take", transfer: [.port(there), .buffer(buffer), .file(file)]))
            #expect(answer.text == "here")
            #expect(answer.transferred.map(\.kind) == [.port, .buffer, .file])
            let port = try #require(answer.transferred.first?.port)
            try here.postMessage("still there?")
            var messages = port.messages.makeAsyncIterator()
            #expect(try await messages.next()?.text == "still there?")
            here.close()
            port.close()
        }
    }

    @Test("A mebibyte goes to a worker and comes back")
    func large() async throws {
        try await withPool { pool, _ in
            let text = String(repeating: "0123456789abcdef", count: 1 << 16)
            let answer = try await pool.text("echo", text)
            #expect(answer == text)
        }
    }

    @Test("A task with many answers gives them all, and the worker is free again")
    func stream() async throws {
        try await withPool(WorkerLimits(maximum: 1)) { pool, _ in
            var numbers: [Int] = []
            for try await payload in pool.stream("count", .text("100")) {
                numbers.append(Int(payload.text ?? "") ?? -1)
            }
            #expect(numbers == Array(0..<100))
            #expect(try await pool.text("echo", "next") == "next")
        }
    }

    @Test("Leaving the loop over a task's answers cancels the task, and the worker goes on")
    func leftStream() async throws {
        try await withPool(WorkerLimits(maximum: 1)) { pool, said in
            for try await payload in pool.stream("ticks") {
                #expect(payload.text == "first")
                break
            }
            let process = try await said.waitingProcess()
            #expect(try await pool.text("process") == "\(process)")
        }
    }

    @Test("A stream whose worker crashes ends with how that has exited")
    func crashInAStream() async throws {
        try await withPool(WorkerLimits(maximum: 1)) { pool, said in
            let task = Task { for try await _ in pool.stream("ticks") {} }
            kill(try await said.waitingProcess(), SIGKILL)
            let error = await expectError(.workerCrashed) { try await task.value }
            #expect(error?.workerExit?.cause == .signaled(SIGKILL))
        }
    }

    @Test("A broadcast that would transfer something is refused")
    func broadcastWithCargo() async throws {
        try await withPool { pool, _ in
            let buffer = try SharedBuffer(count: 4_096)
            await expectError(.notEncodable) {
                try pool.broadcast("news", .text("take", transfer: [.buffer(buffer)]))
            }
        }
    }
}
