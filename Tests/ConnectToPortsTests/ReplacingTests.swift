import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectToPorts

@Suite("A message posted in place of another", .chosenExecutor, .timeLimit(.minutes(1)))
struct ReplacingTests {
    /// As much as keeps the kernel from taking more.
    private static let much = [UInt8](repeating: 9, count: 2 << 20)

    @Test("A slow peer gets the newest message posted under a key, at the place of the first one")
    func slowPeerGetsNewestMessage() async throws {
        let (port, peer) = try RawPeer.withPort()
        try port.postMessage(Self.much)
        try port.postMessage("before")
        for number in 0..<1_000 { try port.postMessage(.text("position \(number)"), replacing: "position") }
        try port.postMessage("between")
        for number in 0..<1_000 { try port.postMessage(.json("\(number)"), replacing: "progress") }
        try port.postMessage(.text("longer than the one before"), replacing: "position")
        try port.postMessage("behind")
        // One for each key waits, whatever was posted.
        #expect(port.bufferedAmount < Self.much.count + 300)
        port.close()
        #expect(
            try await peer.receiveToEnd()
                == Wire.bytes(Self.much) + Wire.text("before") + Wire.text("longer than the one before")
                + Wire.text("between") + Wire.json("999") + Wire.text("behind") + Wire.close(taken: 0))
    }

    @Test("A replaced message is not counted: the peer's close says how many of those that were sent were not taken")
    func replacedMessageIsNotCounted() async throws {
        let (port, peer) = try RawPeer.withPort()
        port.start()
        try port.postMessage(Self.much)
        for number in 0..<10 { try port.postMessage(.text("\(number)"), replacing: "key") }
        #expect(port.postedCount == 2)
        #expect(try await peer.receive(8 + Self.much.count).count == 8 + Self.much.count)
        #expect(try await peer.receive(9) == Wire.text("9"))
        try await peer.send(Wire.close(taken: 2))
        #expect(try await port.waitUntilClosed().code == .closed)
        #expect(port.undeliveredCount == 0)
    }

    @Test("A message of which the kernel has taken a part is not replaced")
    func begunMessageIsNotReplaced() async throws {
        let (port, peer) = try RawPeer.withPort()
        try port.postMessage(.bytes(Self.much), replacing: "key")
        #expect(port.bufferedAmount < Self.much.count)
        try port.postMessage("between")
        try port.postMessage(.text("older"), replacing: "key")
        try port.postMessage(.text("newer"), replacing: "key")
        port.close()
        #expect(
            try await peer.receiveToEnd()
                == Wire.bytes(Self.much) + Wire.text("between") + Wire.text("newer") + Wire.close(taken: 0))
    }

    @Test("A peer that keeps up gets each message posted under a key, at once")
    func quickPeerGetsEachMessage() async throws {
        let (port, peer) = try RawPeer.withPort()
        for number in 0..<20 {
            try port.postMessage(.text("\(number)"), replacing: "key")
            try await port.flush()
        }
        port.close()
        #expect(
            try await peer.receiveToEnd()
                == (0..<20).flatMap { Wire.text("\($0)") } + Wire.close(taken: 0))
    }

    @Test("A message no longer than the one that it replaces has room in a full queue")
    func replacingNeedsNoRoom() throws {
        var limits = PortLimits()
        limits.queuedOutput = 3 << 20
        let (port, peer) = try RawPeer.withPort(limits: limits)
        defer { peer.die() }
        func bytes(_ count: Int) -> OutgoingMessage { .bytes([UInt8](repeating: 1, count: count)) }
        try port.postMessage(Self.much)
        try port.postMessage(bytes(100), replacing: "key")
        while (try? port.postMessage(bytes(100_000))) != nil {}
        while (try? port.postMessage(bytes(0))) != nil {}
        let buffered = port.bufferedAmount
        #expect(throws: PortError.self) { try port.postMessage(bytes(0), replacing: "another key") }
        let longer = #expect(throws: PortError.self) { try port.postMessage(bytes(109), replacing: "key") }
        #expect(longer?.code == .queueFull)
        #expect(try port.postMessage(bytes(100), replacing: "key"))
        #expect(port.bufferedAmount == buffered)
        #expect(try port.postMessage(bytes(50), replacing: "key"))
        #expect(port.bufferedAmount == buffered - 50)
    }

    @Test("A message posted under a key cannot transfer anything, which then stays with the program")
    func replaceableMessageCannotTransfer() throws {
        let (port, peer) = try RawPeer.withPort()
        defer { peer.die() }
        let file = try OpenFile(duplicating: 0)
        let error = #expect(throws: PortError.self) {
            try port.postMessage(.text("", transfer: [.file(file)]), replacing: "key")
        }
        #expect(error?.code == .notTransferable)
        #expect(!file.isDetached)
    }

    @Test("A message posted under a key is refused after finish, and dropped on a port that is over")
    func replacingOnEndedPort() async throws {
        let (port, peer) = try RawPeer.withPort()
        defer { peer.die() }
        port.finish()
        #expect(throws: PortError.self) { try port.postMessage("late", replacing: "key") }
        port.close()
        #expect(try !port.postMessage("late", replacing: "key"))
        let error = await #expect(throws: PortError.self) { try await port.flush() }
        #expect(error?.code == .undelivered)
    }
}
