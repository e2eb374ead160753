import ConnectTo
import ConnectToLinux
import ConnectToMessaging
import ConnectToTestSupport
import ConnectToTesting
import ConnectToWorkers
import Glibc
import Testing

@Suite("Pools whose workers crash", .serialized, .timeLimit(.minutes(2)))
struct PoolCrashTests {
    @Test("A crash ends its own task alone, with the signal and the last lines, and the queue goes on")
    func crash() async throws {
        try await withPool(WorkerLimits(maximum: 1)) { pool, _ in
            let first = try await pool.text("process")
            async let crash = expectError(.workerCrashed) { try await pool.text("crash", "no more") }
            async let others = withThrowingTaskGroup(of: String.self) { group in
                for number in 0..<20 { group.addTask { try await pool.text("echo", "\(number)") } }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            let exit = await crash?.workerExit
            #expect(exit?.cause == .signaled(SIGSEGV))
            #expect(exit?.errorLines.contains("this is the end: no more") == true)
            #expect(try await others.count == 20)
            #expect(try await pool.text("process") != first)
        }
    }

    @Test("A worker that exits in the middle of a task fails it with the status")
    func exit() async throws {
        try await withPool { pool, _ in
            let error = await expectError(.workerCrashed) { try await pool.text("exit", "7") }
            #expect(error?.workerExit?.cause == .exited(7))
            let answer = try await pool.text("echo", "next")
            #expect(answer == "next")
        }
    }

    @Test("A worker that is killed while it computes fails its task alone")
    func killedWhileComputing() async throws {
        try await withPool(WorkerLimits(maximum: 2)) { pool, said in
            let (one, other) = (Task { try await pool.run("wait") }, Task { try await pool.run("wait") })
            let victim = try await said.waitingProcess()
            let survivor = try await said.waitingProcess()
            kill(victim, SIGKILL)
            let errors = await withTaskGroup(of: CallError?.self) { group in
                group.addTask { await expectOneOf([.workerCrashed, .cancelled]) { try await one.value } }
                group.addTask { await expectOneOf([.workerCrashed, .cancelled]) { try await other.value } }
                let first = await group.next() ?? nil
                one.cancel()
                other.cancel()
                return [first, await group.next() ?? nil]
            }
            #expect(errors[0]?.workerExit?.cause == .signaled(SIGKILL))
            #expect(errors[1]?.code == .cancelled)
            #expect(try await pool.text("process") == "\(survivor)")
        }
    }

    @Test("A worker that is killed before it is ready costs no task: another one is started, and does it once")
    func killedBeforeReady() async throws {
        let mark = products + "/pool-has-started-\(getpid())"
        var program = WorkerProgram.executable(
            "/bin/sh",
            arguments: [
                "-c", "mkdir \"$0\" 2>/dev/null && { echo just beginning >&2; kill -KILL $$; }; exec \"$1\" pool", mark,
                testWorker,
            ])
        program.errorOutput = .kept
        defer { rmdir(mark) }
        try await withPool(WorkerLimits(maximum: 1), program) { pool, said in
            var events = pool.events.makeAsyncIterator()
            let running = Task { try await pool.run("wait") }
            let process = try await said.waitingProcess()
            guard case .started = await events.next(), case .failed(_, let error) = await events.next() else {
                Issue.record("the first worker did not fail")
                return
            }
            #expect(error.code == .workerNotStarted && error.workerExit?.cause == .signaled(SIGKILL))
            #expect(error.workerExit?.errorLines == "just beginning\n")
            #expect(pool.workers.map(\.processID) == [process])
            running.cancel()
            await expectError(.cancelled) { try await running.value }
        }
    }

    @Test("A task that is sent to a worker which is killed before it has read it fails alone, with the signal")
    func killedBeforeItHasRead() async throws {
        try await withPool(WorkerLimits(maximum: 1)) { pool, _ in
            let victim = try #require(Int32(try await pool.text("process")))
            kill(victim, SIGSTOP)
            let sent = Task.immediate { try await pool.text("echo", "sent") }
            let queued = Task.immediate { try await pool.text("process") }
            kill(victim, SIGKILL)
            let error = await promptly { await expectError(.workerCrashed) { try await sent.value } }
            #expect(error?.workerExit?.cause == .signaled(SIGKILL))
            #expect(try await queued.value != "\(victim)")
        }
    }

    @Test("A worker that is killed after its answer, which nobody has read yet, costs no task")
    func killedAfterItsAnswer() async throws {
        try await withPool(WorkerLimits(maximum: 1)) { pool, _ in
            let victim = try #require(Int32(try await pool.text("process")))
            let isEnded = try await loopStands(until: victim)
            let answered = Task.immediate { try await pool.text("die after the answer") }
            _ = await isEnded.wait()
            #expect(try await answered.value == "answer")
            try await pool.until { $0.workers == 0 && $0.ending == 0 }
            #expect(try await pool.text("process") != "\(victim)")
        }
    }

    @Test("A worker that is killed while it has nothing to do costs no task, once the pool has seen it")
    func killedWhileIdle() async throws {
        try await withPool(WorkerLimits(maximum: 1)) { pool, _ in
            let victim = try #require(Int32(try await pool.text("process")))
            kill(victim, SIGKILL)
            try await pool.until { $0.workers == 0 && $0.ending == 0 }
            #expect(try await pool.text("process") != "\(victim)")
        }
    }

    @Test("A worker that closes its line and lives on is ended")
    func closedLine() async throws {
        try await withPool(WorkerLimits(maximum: 1, grace: .milliseconds(200))) { pool, _ in
            let process = try #require(Int32(try await pool.text("process")))
            await expectError(.workerCrashed) { try await pool.text("close") }
            try await waitUntilGone(process)
            #expect(try await pool.text("echo", "next") == "next")
        }
    }

    @Test("A program that cannot be started breaks the pool, with its last lines and without a storm, until a reset")
    func failingStart() async throws {
        let file = products + "/pool-may-start-\(getpid())"
        var program = WorkerProgram.executable(
            "/bin/sh",
            arguments: [
                "-c", "test -e \"$0\" || { echo not today >&2; exit 7; }; exec \"$1\" pool", file,
                products + "/ConnectToTestWorker",
            ])
        program.errorOutput = .kept
        defer { unlink(file) }
        try await withPool(WorkerLimits(maximum: 4, failedStarts: 3), program) { pool, _ in
            var events = pool.events.makeAsyncIterator()
            let tasks = (0..<10).map { number in Task { try await pool.text("echo", "\(number)") } }
            for task in tasks {
                let error = await expectError(.poolBroken) { try await task.value }
                #expect(error?.workerExit?.cause == .exited(7))
                #expect(error?.workerExit?.errorLines.contains("not today") == true)
                #expect(error?.message.contains("reset()") == true)
            }
            await expectError(.poolBroken) { try await pool.text("echo") }
            guard case .broken = pool.status.state else {
                Issue.record("\(pool.status)")
                return
            }
            var starts = 0
            while let event = await events.next() {
                if case .started = event { starts += 1 }
                if case .broken = event { break }
            }
            // Up to four at the same time, and then one after the other.
            #expect((3...6).contains(starts), "\(starts)")

            close(open(file, O_CREAT | O_WRONLY, 0o600))
            pool.reset()
            let answer = try await pool.text("echo", "again")
            #expect(answer == "again")
        }
    }

    @Test("A program that is not there, or not executable, breaks the pool with an error that says so")
    func noProgram() async throws {
        for path in ["/there/is/no/such/program", "/etc/passwd"] {
            let program = WorkerProgram.executable(path)
            try await withPool(WorkerLimits(maximum: 1, failedStarts: 2), program) { pool, _ in
                let error = await expectError(.poolBroken) { try await pool.text("echo") }
                #expect(error?.message.contains(path) == true, "\(error?.message ?? "")")
            }
        }
    }

    @Test("A pool without descriptors says so to every caller, and goes on when there are some and it is reset")
    func outOfDescriptors() async throws {
        // In a process of its own, which has the limit for itself.
        await #expect(processExitsWith: .success) {
            try await withPool(WorkerLimits(maximum: 1, idleTime: .zero, failedStarts: 2)) { pool, _ in
                _ = try await pool.text("echo", "before")
                try await pool.until { $0.workers == 0 && $0.ending == 0 }
                let resource = __rlimit_resource_t(bitPattern: RLIMIT_NOFILE.rawValue)
                var limit = rlimit()
                getrlimit(resource, &limit)
                let before = limit.rlim_cur
                let lowest = dup(0)
                close(lowest)
                limit.rlim_cur = rlim_t(lowest) + 1
                setrlimit(resource, &limit)
                let tasks = (0..<3).map { number in Task { try await pool.text("echo", "\(number)") } }
                for task in tasks {
                    let error = await expectError(.poolBroken) { try await task.value }
                    #expect(error?.message.contains("ulimit -n") == true, "\(error?.message ?? "")")
                }
                limit.rlim_cur = before
                setrlimit(resource, &limit)
                pool.reset()
                let answer = try await pool.text("echo", "after")
                #expect(answer == "after")
            }
        }
    }

    @Test("10,000 tasks over 200 crashes: the outcomes add up, nothing is left, and nothing grows")
    func manyCrashes() async throws {
        try await withPool(WorkerLimits(maximum: 2, queue: 100)) { pool, _ in
            _ = try await pool.text("echo")
            let before = try ProcessFacts(of: getpid()).descriptors
            let tally = Tally()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<10_000 {
                    if number >= 64 { try await group.next() }
                    group.addTask {
                        do {
                            let isLast = number % 50 == 49
                            let answer = try await pool.text(isLast ? "exit" : "echo", "\(number)")
                            #expect(answer == "\(number)")
                            tally.add("answered")
                        } catch CallError.Code.workerCrashed {
                            tally.add("crashed")
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(tally["answered"] == 9_800, "\(tally.text)")
            #expect(tally["crashed"] == 200, "\(tally.text)")
            try await pool.until { $0.ending == 0 && $0.starting == 0 }
            #expect(children().count == pool.workers.count)
            // What belonged to the last of them is closed a moment later.
            try await pool.until { _ in
                ((try? ProcessFacts(of: getpid()).descriptors) ?? .max) <= before + 8
            }
        }
    }
}

private func expectOneOf<Result>(
    _ codes: [CallError.Code], _ body: () async throws -> Result
) async -> CallError? {
    do {
        _ = try await body()
        Issue.record("no error, and one of \(codes) was expected")
        return nil
    } catch {
        let failure = error as? CallError
        #expect(failure.map { codes.contains($0.code) } == true, "\(error)")
        return failure
    }
}
