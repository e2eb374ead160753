import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Synchronization
import Testing

@testable import ConnectToPorts

@Suite("A transfer that is rolled back", .chosenExecutor, .timeLimit(.minutes(1)))
struct TransferRollbackTests {
    @Test("A rolled-back transfer leaves a port whose peer had finished as it was: the rest, then an orderly end")
    func rollbackKeepsPeersFinish() async throws {
        let (mine, theirs) = try MessageChannel.makePair()
        try theirs.postMessage("a")
        try theirs.postMessage("b")
        theirs.finish()
        mine.start()
        while !mine.peerHasFinished, !Task.isCancelled { await Task.yield() }
        #expect(try await mine.take()?.text == "a")
        try refuse(mine)
        #expect(mine.peerHasFinished)
        #expect(await mine.takeAll().texts == ["b"])
        #expect(mine.closeReason == nil)
        try mine.postMessage("and back")
        #expect(try await theirs.take()?.text == "and back")
        mine.finish()
        #expect(await theirs.takeAll().error == nil)
        #expect(try await theirs.waitUntilClosed().code == .closed)
    }

    @Test("A rolled-back transfer leaves a port counted where it was, with its peer's lease kept")
    func rollbackKeepsAccounts() async throws {
        final class Lease: SocketLease {}
        let traffic = Traffic()
        let (near, far) = try StreamSocket.pair()
        weak var lease: Lease?
        let port = {
            let held = Lease()
            lease = held
            let socket = StreamSocket(near.descriptor, lease: held)
            return MessagePort(adopting: socket, on: try EventLoop.shared, traffic: traffic)
        }
        let mine = try port()
        try refuse(mine)
        #expect(traffic.openLines == 1)
        #expect(lease != nil)
        mine.close()
        try await mine.flush()
        #expect(traffic.openLines == 0)
        withExtendedLifetime(far) {}
    }

    @Test("A rolled-back transfer leaves the messages of a peer that has closed, for a handler too")
    func rollbackKeepsMessagesOfClosedPeer() async throws {
        let (mine, theirs) = try MessageChannel.makePair()
        for number in 0..<3 { try theirs.postMessage("\(number)") }
        theirs.close()
        mine.start()
        try await mine.waitUntilClosed()
        try refuse(mine)
        #expect(try await mine.take()?.text == "0")
        let (calls, log) = AsyncStream<String>.makeStream()
        mine.onMessage { log.yield($0.text ?? "?") }
        mine.onClose { log.yield("\($0.code)") }
        var next = calls.makeAsyncIterator()
        for expected in ["1", "2", "closed"] { #expect(await next.next() == expected) }
    }

    @Test("A rolled-back transfer wakes waiting tasks, and counts what is posted meanwhile, however often")
    func rollbackUnderLoad() async throws {
        let (mine, theirs) = try MessageChannel.makePair()
        let total = 20_000
        async let posting: Void = {
            for number in 0..<total { try await theirs.send("\(number)") }
        }()
        async let back: Void = {
            for number in 0..<total { try await mine.send("\(number)") }
        }()
        async let there: Bool = inOrder(mine, total)
        async let here: Bool = inOrder(theirs, total)
        for _ in 0..<500 {
            try refuse(mine)
            await Task.yield()
        }
        try await posting
        try await back
        #expect(try await there)
        #expect(try await here)
        // A number of messages taken that is more than were posted would break the protocol.
        theirs.close()
        #expect(try await mine.waitUntilClosed().code == .closed)
        #expect(mine.undeliveredCount == 0)
    }

    private func inOrder(_ port: MessagePort, _ total: Int) async throws -> Bool {
        var messages = port.messages.makeAsyncIterator()
        for number in 0..<total {
            guard try await messages.next()?.text == "\(number)" else { return false }
        }
        return true
    }

    /// Takes a port up to where the last thing in the list cannot be given away.
    private func refuse(_ port: MessagePort) throws {
        let (carrier, _) = try MessageChannel.makePair()
        let gone = try MessageChannel().port1
        gone.close()
        let error = #expect(throws: PortError.self) {
            try carrier.postMessage(.text("", transfer: [.port(port), .port(gone)]))
        }
        #expect(error?.code == .detached)
    }
}
