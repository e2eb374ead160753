import ConnectTo
import ConnectToLinux
import ConnectToMessaging
import ConnectToTestSupport
import ConnectToTesting
import ConnectToWorkers
import Glibc
import Testing

@Suite("A worker that is to end", .timeLimit(.minutes(1)))
struct TerminationTests {
    /// Ends a worker whose grace is long, and whose handler leaves a file behind when it is cancelled.
    ///
    /// - Parameter end: ends the worker.
    /// - Returns: what the request of that handler has failed with.
    private func expectCleaningUp(
        _ end: (WorkerProcess) async throws -> WorkerExit, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> CallError? {
        let path = "/tmp/connectto-worker-\(getpid())"
        defer { unlink(path) }
        let (handlers, hanging) = hearing("hanging")
        let worker = try await WorkerProcess.start(.test("patient"), handlers: handlers)
        let asking = Task.immediate {
            await failure { () throws(CallError) in _ = try await worker.text("clean up", path) }
        }
        _ = await hanging.wait()
        let exit = try await promptly(within: .seconds(5)) { try await end(worker) }
        #expect(exit.cause == .exited(0), sourceLocation: sourceLocation)
        #expect(try text(of: path) == "cleaned up", sourceLocation: sourceLocation)
        return await asking.value
    }

    @Test("Handlers are cancelled and may clean up, also where the grace of worker and parent is long")
    func cleansUp() async throws {
        let error = try await expectCleaningUp { worker in await worker.terminate(grace: .seconds(30)) }
        #expect(error?.code == .lineEnded)
    }

    @Test("SIGTERM ends a worker in order, with its handlers cancelled, and SIGINT does nothing")
    func sigterm() async throws {
        let error = try await expectCleaningUp { worker throws in
            kill(worker.processID, SIGINT)
            #expect(try await worker.text("echo", "still here") == "still here")
            kill(worker.processID, SIGTERM)
            return await worker.waitUntilExited()
        }
        #expect(error?.workerExit?.cause == .exited(0))
    }

    @Test("What a worker does at its end runs behind its handlers, and before the other processes of its session go")
    func atEnd() async throws {
        let path = "/tmp/connectto-worker-end-\(getpid())"
        defer { unlink(path) }
        let (handlers, hanging) = hearing("hanging")
        var program = WorkerProgram.test("tidy")
        program.arguments.append(path)
        let worker = try await WorkerProcess.start(program, handlers: handlers)
        let child = try await worker.text("fork", "own group")
        let asking = Task.immediate { try? await worker.text("clean up", path) }
        _ = await hanging.wait()
        #expect(await worker.terminate(grace: .seconds(30)).cause == .exited(0))
        #expect(try text(of: path) == "cleaned up, and \(child) is there")
        #expect(try members(of: worker.processID) == [])
        _ = await asking.value
    }

    @Test("A worker that does not end is gone when the grace is over", arguments: ["spin", "hang"])
    func insists(what: String) async throws {
        try await expectNoDescriptorLeak {
            let (handlers, begun) = hearing(what == "spin" ? "spinning" : "hanging")
            let worker = try await WorkerProcess.start(.test("patient"), handlers: handlers)
            let child = try #require(Int32(try await worker.text("fork", "own group")))
            _ = try await worker.request("ignore SIGTERM")
            let asking = Task.immediate {
                await failure { () throws(CallError) in _ = try await worker.request(what, within: nil) }
            }
            _ = await begun.wait()
            let exit = await promptly(within: .seconds(1)) { await worker.terminate(grace: .milliseconds(400)) }
            #expect(exit.cause == .signaled(SIGKILL))
            try await end(of: child)
            #expect(try members(of: worker.processID) == [])
            #expect(await asking.value?.code == .lineEnded)
        }
        #expect(try zombies() == [])
    }

    @Test("A worker that ignores the end of its line and SIGTERM is gone when the grace is over")
    func careless() async throws {
        let worker = try await WorkerProcess.start(.test("careless"))
        let exit = await promptly { await worker.terminate(grace: .milliseconds(400)) }
        #expect(exit.cause == .signaled(SIGKILL))
    }

    @Test("A stopped worker is continued at once when it is to end, and ends in order")
    func stopped() async throws {
        let worker = try await WorkerProcess.start(.test())
        kill(worker.processID, SIGSTOP)
        // Far less than until SIGTERM, behind which SIGCONT is sent too.
        let exit = await promptly(within: .seconds(5)) { await worker.terminate(grace: .seconds(60)) }
        #expect(exit.cause == .exited(0))
    }

    @Test("A worker whose last reference is gone is killed at once, with what it has started")
    func dropped() async throws {
        try await expectNoDescriptorLeak {
            var worker: WorkerProcess? = try await WorkerProcess.start(.test("careless"))
            let process = try #require(worker?.processID)
            let child = try #require(Int32(try await worker?.text("fork", "own group") ?? ""))
            worker = nil
            try await promptly {
                try await end(of: process)
                try await end(of: child)
            }
            #expect(try members(of: process) == [])
        }
        #expect(try zombies() == [])
    }

    @Test("Terminating goes on where the task is cancelled, and a shorter grace shortens a longer one")
    func cancelled() async throws {
        let worker = try await WorkerProcess.start(.test("careless"))
        let patient = Task { await worker.terminate(grace: .seconds(60)) }
        patient.cancel()
        #expect(await promptly { await worker.terminate(grace: .milliseconds(100)) }.cause == .signaled(SIGKILL))
        #expect(await patient.value.cause == .signaled(SIGKILL))
    }
}
