import ConnectToLinux
import ConnectToPorts
import ConnectToTestSupport
import ConnectToTesting
import Testing

/// The protocol's section 6, row by row, over a real socket.
@Suite("A peer that breaks the protocol", .chosenExecutor, .timeLimit(.minutes(1)))
struct ProtocolErrorTests {
    /// What is wrong, and the bytes of it.
    struct Violation: Sendable, CustomTestStringConvertible {
        var what: String
        var bytes: [UInt8]
        var testDescription: String { what }
    }

    static let violations = [
        Violation(what: "kind 0", bytes: Wire.frame(0)),
        Violation(what: "a kind of message to come", bytes: Wire.frame(4, [1])),
        Violation(what: "a kind of control to come", bytes: Wire.frame(18)),
        Violation(what: "kind 255", bytes: Wire.frame(255)),
        Violation(what: "flags", bytes: Wire.frame(2, [65], flags: 2)),
        Violation(what: "descriptors declared", bytes: Wire.frame(2, [65], descriptors: 1)),
        Violation(what: "64 MiB and one byte", bytes: Wire.frame(1, length: 64 << 20 + 1)),
        Violation(what: "4 GiB less one byte", bytes: Wire.frame(1, length: .max)),
        Violation(what: "finish with a payload", bytes: Wire.frame(16, [0])),
        Violation(what: "close of no length", bytes: Wire.frame(17)),
        Violation(what: "close of nine bytes", bytes: Wire.frame(17, [UInt8](repeating: 0, count: 9))),
        Violation(what: "a message after finish", bytes: Wire.finish + Wire.text("late")),
        Violation(what: "a second finish", bytes: Wire.finish + Wire.finish),
        Violation(what: "a close that counts too much", bytes: Wire.close(taken: 2)),
        Violation(what: "a close that counts without end", bytes: Wire.close(taken: .max)),
        Violation(what: "garbage", bytes: Array("GET / HTTP/1.1\r\n\r\n".utf8)),
    ]

    @Test(
        "A port whose peer breaks the protocol delivers what came before, then ends with the reason",
        arguments: violations)
    func protocolErrorEndsPortAfterDelivery(violation: Violation) async throws {
        let (port, peer) = try RawPeer.withPort()
        try port.postMessage("one message")
        let before = [Wire.text("one"), Wire.bytes([]), Wire.json("3")].flatMap(\.self)
        try await peer.send(before + violation.bytes + Wire.text("never"))

        let (texts, error) = await port.takeAll()
        #expect(texts == ["one", "[]", "3"])
        if violation.bytes.starts(with: Wire.finish) {
            // Who has finished has ended the sequence; whether it has gone wrong since depends on when one asks.
            #expect(error == nil || error?.reason?.code == .protocolError)
        } else {
            #expect(error?.code == .closed)
            #expect(error?.reason?.code == .protocolError)
        }
        #expect(try await port.waitUntilClosed().code == .protocolError)
        // Latched, for whoever asks late, and for the sequence too.
        #expect(port.closeReason?.code == .protocolError)
        await #expect(throws: PortError.self) { try await port.take() }
    }

    @Test("A peer that breaks the protocol sees an end of file and no close", arguments: violations)
    func offenderSeesEndOfFile(violation: Violation) async throws {
        let (port, peer) = try RawPeer.withPort()
        port.start()
        try port.postMessage("Hello")
        try await peer.send(violation.bytes)
        #expect(try await port.waitUntilClosed().code == .protocolError)
        #expect(try await peer.receiveToEnd() == Wire.text("Hello"))
        // Nothing is written afterwards either.
        try port.postMessage("dropped")
        port.finish()
        port.close()
        #expect(port.bufferedAmount == 0)
    }

    @Test("A peer that breaks the protocol is cut off even while the port has much to write")
    func offenderIsCutOffDespiteQueue() async throws {
        let (port, peer) = try RawPeer.withPort()
        port.start()
        try port.postMessage([UInt8](repeating: 0, count: 4 << 20))
        #expect(port.bufferedAmount > 0)
        try await peer.send(Wire.frame(0))
        #expect(try await port.waitUntilClosed().code == .protocolError)
        #expect(port.bufferedAmount == 0)
        #expect(try await peer.receiveToEnd().count < 4 << 20)
    }

    @Test("A descriptor that no frame declares breaks the protocol")
    func undeclaredDescriptorBreaksProtocol() async throws {
        let (port, peer) = try RawPeer.withPort()
        port.start()
        try await peer.send(Wire.text("before"))
        #expect(try await port.take()?.text == "before")
        let stray = try StreamSocket.pair()
        let frame = Wire.text("with a descriptor")
        #expect(try peer.sendWithoutWaiting(frame, descriptors: [stray.0.descriptor.rawValue]) == frame.count)
        #expect(try await port.waitUntilClosed().code == .protocolError)
        // Whose descriptor it might have been shows only when the frames that came with it have been cut.
        #expect(try await port.take()?.text == "with a descriptor")
        await #expect(throws: PortError.self) { try await port.take() }
        #expect(try await peer.receiveToEnd() == [])
    }

    @Test("Descriptors without end, each sent across two headers, break the protocol")
    func endlessUndeclaredDescriptorsBreakProtocol() async throws {
        let (port, peer) = try RawPeer.withPort()
        port.start()
        let stray = try StreamSocket.pair()
        let many = [Int32](repeating: stray.0.descriptor.rawValue, count: 100)
        let frame = Wire.bytes([])
        // So there is never a moment in which all that has come is cut.
        #expect(try peer.sendWithoutWaiting(frame + frame.prefix(4), descriptors: many) == 12)
        let loop = try EventLoop.shared
        for _ in 0..<10 where port.closeReason == nil {
            await loop.catchUp()
            _ = try peer.sendWithoutWaiting(Array(frame.suffix(4) + frame.prefix(4)), descriptors: many)
        }
        await loop.catchUp()
        #expect(port.closeReason?.code == .protocolError)
    }

    @Test("A peer that breaks the protocol after its close is not heard: what follows the close is not read")
    func bytesBehindCloseAreNotRead() async throws {
        let (port, peer) = try RawPeer.withPort()
        try await peer.send(Wire.text("last") + Wire.close(taken: 0) + Wire.text("never") + Wire.frame(0))
        let (texts, error) = await port.takeAll()
        #expect(texts == ["last"])
        #expect(error == nil)
        #expect(try await port.waitUntilClosed().code == .closed)
    }

    @Test("A peer that breaks the protocol before the port is open ends it too")
    func protocolErrorEndsPortBeforeOpening() async throws {
        let (port, introduction) = MessagePort.opening(on: try .shared)
        let peer = try introduction.peer()
        port.start()
        try await peer.send(Wire.frame(0))
        #expect(try await port.waitUntilClosed().code == .protocolError)
        introduction.didOpen()
        #expect(port.closeReason?.code == .protocolError)
    }
}
