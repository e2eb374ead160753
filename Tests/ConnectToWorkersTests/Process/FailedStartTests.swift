import ConnectTo
import ConnectToLinux
import ConnectToMessaging
import ConnectToTestSupport
import ConnectToTesting
import ConnectToWorkers
import Glibc
import Testing

@Suite("A worker that cannot be started", .timeLimit(.minutes(1)))
struct FailedStartTests {
    private func failure(of program: WorkerProgram) async throws -> CallError {
        let error = try await expectNoDescriptorLeak {
            await ConnectToWorkersTests.failure { () throws(CallError) in _ = try await WorkerProcess.start(program) }
        }
        #expect(try zombies() == [])
        return try #require(error)
    }

    @Test("A program that is not there, is a directory or is not executable fails with what to do about it")
    func noProgram() async throws {
        let advice = [
            "no-such-worker": "there is no such program in the directories of PATH",
            "/no/such/worker": "there is no such file", "/usr": "it is a directory",
            "/etc/passwd": "it is not executable",
        ]
        for (program, words) in advice {
            let error = try await failure(of: .executable(program))
            #expect(error.code == .workerNotStarted && error.workerExit == nil)
            #expect(error.message.hasPrefix("the worker \(program) could not be started: \(words)"))
        }
        var elsewhere = WorkerProgram.test()
        elsewhere.directory = "/no/such/directory"
        #expect(try await failure(of: elsewhere).message.contains("there is no directory /no/such/directory"))
    }

    @Test("A program that ends at once fails with its exit status, and what it wrote")
    func endsAtOnce() async throws {
        let error = try await promptly { try await failure(of: .executable("/bin/false")) }
        #expect(error.code == .workerNotStarted && error.workerExit?.cause == .exited(1))
        #expect(error.message.contains("/bin/false") && error.message.contains("ended with exit status 1"))
        let broken = try await promptly(within: .seconds(5)) { try await failure(of: .test("broken")) }
        #expect(broken.workerExit?.cause == .exited(3) && broken.workerExit?.errorLines == "there is no model\n")
        #expect(broken.message.contains("there is no model"))
    }

    @Test("A program that says nothing is killed when its time to start is over")
    func neverReady() async throws {
        var program = WorkerProgram.executable("sleep", arguments: ["1000"])
        program.startLimit = .milliseconds(300)
        let error = try await promptly { try await failure(of: program) }
        #expect(error.code == .workerNotStarted && error.workerExit?.cause == .signaled(SIGKILL))
        #expect(error.message.contains("not ready within 0.3 seconds"))
        let process = try #require(error.workerExit?.processID)
        #expect(try members(of: process) == [])
    }

    @Test("A start whose task is cancelled leaves no process")
    func cancelled() async throws {
        try await expectNoDescriptorLeak {
            var program = WorkerProgram.executable("sh", arguments: ["-c", "sleep 1000 & echo $$ >&2; wait"])
            program.errorOutput = .kept
            let starting = Task { [program] in try await WorkerProcess.start(program) }
            starting.cancel()
            await #expect(throws: CallError.self) { try await starting.value }
        }
        #expect(try zombies() == [])
    }

    @Test("A limit or niceness that this program may not give is named")
    func forbidden() async throws {
        guard geteuid() != 0 else { return }
        var program = WorkerProgram.test()
        program.niceness = -5
        #expect(try await failure(of: program).message.contains("niceness -5"))
    }

    @Test("A program without descriptors says so at every step of the start, and starts workers when it has some again")
    func outOfDescriptors() async throws {
        try await withProcess(testWorker, ["starved"]) { parent in
            #expect(await parent.line() == "clear")
            #expect(await parent.line() == "recovered: hello")
        }
    }

    @Test("A user who may have no more processes is told so, and starts workers when it may again")
    func outOfProcesses() async throws {
        try await withProcess(testWorker, ["lonely"]) { parent in
            let first = try #require(await parent.line())
            #expect(first.contains("worker-not-started") && first.contains("ulimit -u"))
            #expect(await parent.line()?.contains("ended with exit status 1") == true)
        }
    }
}
