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
    @Test("Handlers are cancelled and may clean up, also where the grace of worker and parent is long")
    func cleansUp() async throws {
        let path = "/tmp/connectto-worker-\(getpid())"
        defer { unlink(path) }
        let (handlers, hanging) = hearing("hanging")
        let worker = try await WorkerProcess.start(.test("patient"), handlers: handlers)
        let asking = Task.immediate {
            await failure { () throws(CallError) in _ = try await worker.text("clean up", path) }
        }
        _ = await hanging.wait()
        let exit = await promptly(within: .seconds(5)) { await worker.terminate(grace: .seconds(30)) }
        #expect(exit.cause == .exited(0))
        #expect(try text(of: path) == "cleaned up")
        #expect(await asking.value?.code == .lineEnded)
    }

    @Test("SIGTERM ends a worker in order, with its handlers cancelled")
    func sigterm() async throws {
        let path = "/tmp/connectto-worker-term-\(getpid())"
        defer { unlink(path) }
        let (handlers, hanging) = hearing("hanging")
        let worker = try await WorkerProcess.start(.test("patient"), handlers: handlers)
        let asking = Task.immediate {
            await failure { () throws(CallError) in _ = try await worker.text("clean up", path) }
        }
        _ = await hanging.wait()
        kill(worker.processID, SIGINT)
        #expect(try await worker.text("echo", "still here") == "still here")
        kill(worker.processID, SIGTERM)
        #expect(await worker.waitUntilExited().cause == .exited(0))
        #expect(try text(of: path) == "cleaned up")
        #expect(await asking.value?.workerExit?.cause == .exited(0))
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

    @Test("A stopped worker ends in order when it is to end")
    func stopped() async throws {
        let worker = try await WorkerProcess.start(.test())
        kill(worker.processID, SIGSTOP)
        #expect(await promptly { await worker.terminate() }.cause == .exited(0))
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
