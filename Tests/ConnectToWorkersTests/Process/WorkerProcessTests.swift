import ConnectTo
import ConnectToLinux
import ConnectToMessaging
import ConnectToTestSupport
import ConnectToTesting
import ConnectToWorkers
import Glibc
import Testing

@Suite("A worker that is started", .timeLimit(.minutes(1)))
struct WorkerProcessTests {
    @Test("A worker answers, hears events and sends some, and ends in order with status 0")
    func talks() async throws {
        try await expectNoDescriptorLeak {
            let (handlers, spinning) = hearing("spinning")
            let worker = try await WorkerProcess.start(.test(), handlers: handlers)
            #expect(try await worker.text("echo", "hello") == "hello")
            #expect(worker.exit == nil)
            let exit = await worker.terminate()
            #expect(exit == WorkerExit(cause: .exited(0), errorLines: "", processID: worker.processID))
            #expect(worker.exit == exit)
            #expect(spinning.value == nil)
        }
        #expect(try zombies() == [])
    }

    @Test("A worker has the environment, directory, arguments and niceness of its program, and a session of its own")
    func surroundings() async throws {
        var program = WorkerProgram.test()
        program.environment = ["CONNECTTO_SET": "ä=1", "HOME": nil]
        program.directory = "/usr/bin/.."
        program.niceness = 7
        let worker = try await WorkerProcess.start(program)
        #expect(try await worker.text("environment", "CONNECTTO_SET") == "ä=1")
        #expect(try await worker.text("environment", "HOME") == "(none)")
        #expect(try await worker.text("environment", "PATH") != "(none)")
        #expect(try await worker.text("directory") == "/usr")
        #expect(try await worker.text("niceness") == "7")
        #expect(try await worker.text("session") == "\(worker.processID) \(worker.processID)")
        // The line is taken from it: what reads the standard input is at its end.
        #expect(try await worker.text("input") == "/dev/null")
        await worker.terminate()
    }

    @Test("A worker has none of its parent's descriptors, not even one that is kept over exec")
    func descriptors() async throws {
        let open = dup(0)
        defer { close(open) }
        // Far above what the worker opens for itself.
        let high = fcntl(open, F_DUPFD, 500)
        defer { close(high) }
        let worker = try await WorkerProcess.start(.test())
        let numbers = try entries(of: "/proc/\(worker.processID)/fd").compactMap { Int32($0) }
        #expect(numbers.contains(2) && !numbers.contains(high))
        await worker.terminate()
    }

    @Test(
        "The kernel enforces a worker's resource limits, and the exit names the signal of the one it went over",
        .disabled(if: isSanitized, "a sanitizer needs more address space than the test allows"))
    func limits() async throws {
        var program = WorkerProgram.test()
        program.resourceLimits = [
            .openFiles(100), .addressSpace(8 << 30), .cpuTime(.milliseconds(100)), .processes(5_000), .fileSize(4_096),
            .coreSize(0),
        ]
        let worker = try await WorkerProcess.start(program)
        let limits = try await worker.text("limits").split(separator: "\n").map { $0.split(separator: " ") }
        func limit(_ name: String, _ column: Int) -> String {
            limits.first { $0.joined(separator: " ").hasPrefix(name) }.map { String($0[column]) } ?? "none"
        }
        #expect(limit("Max open files", 3) == "100" && limit("Max open files", 4) == "100")
        #expect(limit("Max address space", 3) == "\(8 << 30)")
        #expect(limit("Max cpu time", 3) == "1")
        #expect(limit("Max processes", 2) == "5000")
        #expect(limit("Max file size", 3) == "4096")
        #expect(limit("Max core file size", 4) == "0")
        let error = await failure { () throws(CallError) in _ = try await worker.request("spin", within: .seconds(30)) }
        #expect(error?.code == .workerCrashed && error?.workerExit?.cause == .signaled(SIGXCPU))
    }

    @Test("What a worker prints breaks nothing, and the end of it is in the exit, in order")
    func prints() async throws {
        let worker = try await WorkerProcess.start(.test())
        _ = try await worker.request("print", .text("one line of output"))
        _ = try await worker.request("write errors", .text("1000"))
        #expect(try await worker.text("echo", "hello") == "hello")
        let lines = await worker.terminate().errorLines
        #expect(lines.utf8.count == 8 << 10)
        #expect(lines.hasSuffix("error line 998\nerror line 999\n"))
    }

    @Test("A printed line is in the exit of a worker that is killed right after")
    func printsAndDies() async throws {
        let worker = try await WorkerProcess.start(.test())
        _ = try await worker.request("print", .text("what it was about to do"))
        worker.kill()
        let exit = await worker.waitUntilExited()
        #expect(exit.errorLines == "what it was about to do\n" && exit.cause == .signaled(SIGKILL))
        #expect(exit.description.contains("signal 9 (Killed)") && exit.description.contains("what it was about to do"))
    }

    @Test("A parent that has children forgotten at their end learns of a worker's end all the same, without a status")
    func autoReaped() async throws {
        signal(SIGCHLD, SIG_IGN)
        defer { signal(SIGCHLD, SIG_DFL) }
        let worker = try await WorkerProcess.start(.test())
        #expect(await worker.terminate().cause == .unknown)
        #expect(try members(of: worker.processID) == [])
    }

    @Test("A worker's lines go to its parent's standard error, if they are not only kept")
    func forwards() async throws {
        let words = ["-c", "exec \"$0\" parent print 2>&1", testWorker]
        try await withProcess("/bin/sh", words) { parent in
            var lines: Set<String> = []
            while !lines.contains("printed by the worker"), let line = await parent.line() { lines.insert(line) }
            #expect(lines.contains("printed by the worker"))
        }
    }

    @Test("An idle worker costs its parent three descriptors, no thread and 32 KiB of memory at most")
    func idleCost() async throws {
        func facts() throws -> ProcessFacts { try ProcessFacts(of: getpid()) }
        // What the first ones bring about for good.
        var workers: [WorkerProcess] = []
        func startWorkers(_ count: Int) async throws {
            for _ in 0..<count { workers.append(try await WorkerProcess.start(.test())) }
        }
        try await startWorkers(8)
        let before = try facts()
        try await startWorkers(32)
        let after = try facts()
        #expect(after.descriptors - before.descriptors <= 3 * 32)
        #expect(after.threads <= before.threads)
        let cost = Double(after.resident - before.resident) / 32
        // A sanitizer needs memory of its own.
        #expect(isSanitized || cost <= 32, "KiB a worker")
        print("memory of the parent for each idle worker: \(cost) KiB")
        await withTaskGroup { group in for worker in workers { group.addTask { await worker.terminate() } } }
    }
}
