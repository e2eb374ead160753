import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectToPorts

@Suite("A message posted in place of another", .chosenExecutor, .timeLimit(.minutes(1)))
struct ReplacingTests {
    /// As much as keeps the kernel from taking more.
    private static let much = [UInt8](repeating: 9, count: 2 << 20)

    @Test("is the newest value that a slow peer gets, and stands where the first one stood")
    func newest() async throws {
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

    @Test("is not counted twice: the peer's close says how many were not taken of those that were sent")
    func count() async throws {
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

    @Test("does not touch a message of which the kernel has taken a part")
    func begun() async throws {
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

    @Test("goes at once to a peer that keeps up, each of them")
    func quickPeer() async throws {
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

    @Test("has room in a full queue where it is no longer than the one that it replaces")
    func fullQueue() throws {
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

    @Test("cannot transfer anything, which then stays with the program")
    func transfer() throws {
        let (port, peer) = try RawPeer.withPort()
        defer { peer.die() }
        let file = try OpenFile(duplicating: 0)
        let error = #expect(throws: PortError.self) {
            try port.postMessage(.text("", transfer: [.file(file)]), replacing: "key")
        }
        #expect(error?.code == .notTransferable)
        #expect(!file.isDetached)
    }

    @Test("is refused after finish, and goes nowhere on a port that is over")
    func ended() async throws {
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
