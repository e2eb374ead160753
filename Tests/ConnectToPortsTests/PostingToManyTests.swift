import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectToPorts

@Suite("Posting to many ports", .chosenExecutor, .timeLimit(.minutes(1)))
struct PostingToManyTests {
    @Test("Posting to many ports passes those that are full, finished or over, and returns which they are and why")
    func postToManyReportsRefusals() async throws {
        var limits = PortLimits()
        limits.queuedOutput = 1_000
        limits.messageLength = 2 << 20
        let lines = try (0..<6).map { _ in try RawPeer.withPort(limits: limits) }
        let ports = lines.map(\.port)
        try ports[1].postMessage([UInt8](repeating: 0, count: 2 << 20))
        ports[2].close()
        ports[3].finish()
        lines[4].peer.die()
        try await ports[4].waitUntilClosed()
        let refusals = try ports.postMessage("it is noon")
        #expect(refusals.map(\.port) == Array(ports[1...4]))
        #expect(refusals.map(\.error.code) == [.queueFull, .closed, .finished, .closed])
        #expect(refusals.last?.error.reason?.code == .peerExited)
        for index in [0, 5] { #expect(try await lines[index].peer.receive(18) == Wire.text("it is noon")) }
        for line in lines { line.peer.die() }
    }

    @Test(
        "Posting to many ports under a key leaves the newest message on slow ports, and returns the port that is over"
    )
    func postToManyUnderAKey() async throws {
        let much = [UInt8](repeating: 9, count: 2 << 20)
        let lines = try (0..<3).map { _ in try RawPeer.withPort() }
        let ports = lines.map(\.port)
        for port in ports { try port.postMessage(much) }
        ports[1].close()
        for text in ["old", "new"] {
            let refusals = try ports.postMessage(.text(text), replacing: "key")
            #expect(refusals.map(\.port) == [ports[1]])
            #expect(refusals.first?.error.code == .closed)
        }
        for index in [0, 2] {
            ports[index].close()
            #expect(
                try await lines[index].peer.receiveToEnd() == Wire.bytes(much) + Wire.text("new") + Wire.close(taken: 0)
            )
        }
        lines[1].peer.die()
        let message = OutgoingMessage.text("", transfer: [.file(try OpenFile(duplicating: 0))])
        let error = #expect(throws: PortError.self) { _ = try ports.postMessage(message, replacing: "key") }
        #expect(error?.code == .notTransferable)
    }

    @Test("Posting to many ports refuses a message that transfers something, for all of them")
    func postToManyRefusesTransfer() throws {
        let channel = try MessageChannel()
        let file = try OpenFile(duplicating: 0)
        let error = #expect(throws: PortError.self) {
            _ = try [channel.port1].postMessage(.text("", transfer: [.file(file)]))
        }
        #expect(error?.code == .notTransferable)
        #expect(!file.isDetached)
        #expect(channel.port1.postedCount == 0)
    }

    @Test("Posting to the values of a dictionary of ports returns no refusals where all take the message")
    func postToDictionaryOfPorts() async throws {
        let channel = try MessageChannel()
        let ports = ["Ada": channel.port1]
        var batch = MessageBatch()
        try batch.append("one")
        try batch.append("two")
        #expect(ports.values.postMessages(batch).isEmpty)
        #expect(try await channel.port2.take()?.text == "one")
        #expect(try await channel.port2.take()?.text == "two")
    }
}
