import ConnectTo
import ConnectToLinux
import ConnectToMessaging
import ConnectToTestSupport
import ConnectToTesting
import ConnectToWorkers
import Glibc
import Testing

@Suite("A worker that crashes", .timeLimit(.minutes(1)))
struct CrashTests {
    private func expectCrash(
        _ error: CallError?, _ cause: WorkerExit.Cause, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(error?.code == .workerCrashed, sourceLocation: sourceLocation)
        #expect(error?.workerExit?.cause == cause, sourceLocation: sourceLocation)
        #expect(error?.reason != nil, sourceLocation: sourceLocation)
    }

    @Test("A start fails within a second when the worker is killed before it is ready")
    func beforeReady() async throws {
        var program = WorkerProgram.executable("sh", arguments: ["-c", "echo about to fail; kill -9 $$"])
        program.errorOutput = .kept
        let error = await promptly {
            await failure { () throws(CallError) in _ = try await WorkerProcess.start(program) }
        }
        #expect(error?.code == .workerNotStarted && error?.workerExit?.cause == .signaled(SIGKILL))
        #expect(error?.workerExit?.errorLines == "about to fail\n")
    }

    @Test("A request fails within a second when the worker is killed before it has read it")
    func sent() async throws {
        try await expectNoDescriptorLeak {
            let worker = try await WorkerProcess.start(.test())
            kill(worker.processID, SIGSTOP)
            let asking = Task.immediate { await failure { () throws(CallError) in _ = try await worker.text("echo") } }
            kill(worker.processID, SIGKILL)
            expectCrash(await promptly { await asking.value }, .signaled(SIGKILL))
        }
    }

    @Test("A request fails within a second when the worker is killed in the midst of it", arguments: ["spin", "hang"])
    func computing(what: String) async throws {
        try await expectNoDescriptorLeak {
            let (handlers, begun) = hearing(what == "spin" ? "spinning" : "hanging")
            let worker = try await WorkerProcess.start(.test(), handlers: handlers)
            let asking = Task.immediate {
                await failure { () throws(CallError) in _ = try await worker.request(what, within: nil) }
            }
            _ = await begun.wait()
            kill(worker.processID, SIGKILL)
            expectCrash(await promptly { await asking.value }, .signaled(SIGKILL))
        }
        #expect(try zombies() == [])
    }

    @Test("A request fails with the signal or status of a worker that ends itself")
    func itself() async throws {
        for (type, number, cause) in [
            ("raise", "\(SIGUSR1)", WorkerExit.Cause.signaled(SIGUSR1)), ("exit", "3", .exited(3)),
            ("exit", "0", .exited(0)),
        ] {
            let worker = try await WorkerProcess.start(.test())
            let error = await promptly(within: .seconds(10)) {
                await failure { () throws(CallError) in _ = try await worker.text(type, number) }
            }
            expectCrash(error, cause)
            expectCrash(await failure { () throws(CallError) in _ = try await worker.text("echo") }, cause)
        }
    }

    @Test("An answer that a worker sent before it was killed arrives, though it is read after the process's end")
    func answeredButNotRead() async throws {
        let worker = try await WorkerProcess.start(.test())
        let isEnded = try await loopStands(until: worker.processID)
        async let answer = worker.request("die after the answer", within: nil).text
        _ = await isEnded.wait()
        #expect(try await answer == "answer")
        #expect(await worker.waitUntilExited().cause == .signaled(SIGKILL))
    }

    @Test("What a killed worker had started goes with it, also in a process group of its own")
    func grandchildren() async throws {
        let worker = try await WorkerProcess.start(.test())
        let children = [try await worker.text("fork"), try await worker.text("fork", "own group")].compactMap {
            Int32($0)
        }
        #expect(try members(of: worker.processID).count == 3 && children.count == 2)
        kill(worker.processID, SIGKILL)
        try await promptly {
            _ = await worker.waitUntilExited()
            for child in children { try await end(of: child) }
        }
        #expect(try members(of: worker.processID) == [])
    }

    @Test("A worker that closes its line and lives on fails its request within a second, and is ended")
    func closesItsLine() async throws {
        try await expectNoDescriptorLeak {
            let worker = try await WorkerProcess.start(.test("careless"))
            let error = await promptly { await failure { () throws(CallError) in _ = try await worker.text("close") } }
            #expect(error?.code == .workerCrashed && error?.message.contains("has closed its line") == true)
            let exit = await promptly(within: .seconds(2)) { await worker.waitUntilExited() }
            #expect(exit.cause == .signaled(SIGKILL))
        }
    }

    @Test("Descriptors and children are as many as before after two hundred crashes")
    func many() async throws {
        try await expectNoDescriptorLeak {
            for _ in 0..<25 {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<8 {
                        group.addTask {
                            let worker = try await WorkerProcess.start(.test())
                            kill(worker.processID, SIGKILL)
                            #expect(await worker.waitUntilExited().cause == .signaled(SIGKILL))
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }
        #expect(try zombies() == [])
    }
}
