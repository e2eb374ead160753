import ConnectTo
import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Subprocess
import SystemPackage
import Testing

@Suite("A worker that is started with one end of a line", .timeLimit(.minutes(1)))
struct WorkerTests {
    /// Starts a worker whose standard input is the far end of a new channel.
    private func withWorker(_ body: @escaping @Sendable (MessagePort, pid_t) async throws -> Void) async throws {
        let channel = try MessageChannel()
        let line = FileDescriptor(rawValue: try channel.port2.detachSocket())
        // Waits in the line until the worker is there.
        try channel.port1.postMessage("Hello")
        _ = try await run(
            .path(FilePath(testPeer)), arguments: ["-", "worker", "-"],
            input: .fileDescriptor(line, closeAfterSpawningProcess: true), output: .discarded,
            error: .fileDescriptor(.standardError, closeAfterSpawningProcess: false)
        ) { execution in
            try await body(channel.port1, execution.processIdentifier.value)
        }
    }

    @Test("A program and its worker talk both ways, and end in order")
    func workerTalksBothWays() async throws {
        try await withWorker { (port, worker) async throws -> Void in
            var messages = port.messages.makeAsyncIterator()
            #expect(try await messages.next()?.text == "\(worker) true: Hello")
            try port.postMessage("again")
            #expect(try await messages.next()?.text == "\(worker) true: again")
            port.finish()
            #expect(try await messages.next() == nil)
            #expect(try await port.waitUntilClosed().code == .closed)
            #expect(port.undeliveredCount == 0)
        }
    }

    @Test("A worker that is killed is a peer that has exited")
    func killedWorkerHasExited() async throws {
        try await withWorker { (port, worker) async throws -> Void in
            var messages = port.messages.makeAsyncIterator()
            #expect(try await messages.next() != nil)
            kill(worker, SIGKILL)
            #expect(try await port.waitUntilClosed().code == .peerExited)
        }
    }
}
