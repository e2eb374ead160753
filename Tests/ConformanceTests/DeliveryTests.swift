import CConnectToLinux
import ConnectTo
import ConnectToLinux
import ConnectToPorts
import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Testing

@Suite("How ports behave: delivery", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct DeliveryTests {
    @Test(
        "A slow reader stalls its own sender and no other, and what waited arrives", arguments: Place.allCases)
    func slowReaderStallsOnlyItsSender(place: Place) async throws {
        try await withFarContext(place) { far in
            let (mine, slow) = try MessageChannel.makePair()
            let (other, fast) = try MessageChannel.makePair()
            try await far.tell("hold", giving: [.port(slow), .port(fast)])
            try await far.tell("start 0")
            let block = String(repeating: "x", count: 100_000)
            var posted = 0
            let error = #expect(throws: PortError.self) {
                while true {
                    try mine.postMessage(block)
                    posted += 1
                }
            }
            #expect(error?.code == .queueFull)
            let patient = Task { try await mine.send("the last") }
            // Meanwhile the same two processes talk on other ports.
            for round in 0..<100 {
                try await far.tell("post 1 \(round)")
                #expect(try await other.next()?.text == "\(round)")
            }
            #expect(mine.bufferedAmount > 8 << 20)
            #expect(try await far.tell("take 0 \(posted)").utf8.count == posted * 100_001 - 1)
            try await patient.value
            #expect(try await far.tell("take 0 1") == "the last")
        }
    }

    @Test(
        "A message posted before the listener's handler exists arrives when it does",
        arguments: Place.allCases)
    func messageBeforeHandlerArrives(place: Place) async throws {
        try await withFarContext(place) { far in
            let (mine, theirs) = try MessageChannel.makePair()
            try mine.postMessage("early")
            try await far.tell("hold", giving: [.port(theirs)])
            #expect(try await far.tell("handle 0") == "early")
        }
    }

    @Test(
        "A port does not deliver until it is started, and cannot be stopped again", arguments: Place.allCases)
    func portDeliversOnceStarted(place: Place) async throws {
        try await withFarContext(place) { far in
            let unstarted = try MessageChannel()
            let started = try MessageChannel()
            for channel in [unstarted, started] {
                for _ in 0..<3 { try channel.port1.postMessage("x") }
                try await far.tell("hold", giving: [.port(channel.port2)])
            }
            // Nothing of it was delivered, says the other side in closing.
            try await far.tell("close 0")
            #expect(try await unstarted.port1.waitUntilClosed().code == .closed)
            #expect(unstarted.port1.undeliveredCount == 3)
            try await far.tell("start 1")
            #expect(try await far.tell("take 1 3") == "x x x")
            try started.port1.postMessage("y")
            #expect(try await far.tell("take 1 1") == "y")
        }
    }

    @Test(
        "Posting to a closed port, or from one, delivers nothing and does not throw",
        arguments: Place.allCases)
    func postingToClosedPort(place: Place) async throws {
        try await withFarContext(place) { far in
            let to = try MessageChannel()
            let from = try MessageChannel()
            try await far.tell("hold", giving: [.port(to.port2), .port(from.port2)])
            try await far.tell("close 0")
            #expect(try await to.port1.waitUntilClosed().code == .closed)
            try to.port1.postMessage("to a closed port")
            try from.port1.postMessage("before")
            from.port1.close()
            try from.port1.postMessage("after")
            #expect(try await far.tell("take 1 2") == "before")
            #expect(try await far.tell("take 0 1") == "")
        }
    }

    @Test("What was sent before the sender closed is delivered, then close", arguments: Place.allCases)
    func messagesBeforeCloseArrive(place: Place) async throws {
        try await withFarContext(place) { far in
            let (mine, theirs) = try MessageChannel.makePair()
            try await far.tell("hold", giving: [.port(theirs)])
            for number in 0..<5 { try mine.postMessage("\(number)") }
            mine.close()
            #expect(try await far.tell("events 0") == "0 1 2 3 4 close:closed")
        }
    }

    @Test("Closing one's own port ends its own delivery at once", arguments: Place.allCases)
    func ownCloseEndsDelivery(place: Place) async throws {
        try await withFarContext(place) { far in
            let (mine, theirs) = try MessageChannel.makePair()
            try await far.tell("hold", giving: [.port(theirs)])
            for number in 0..<3 { try await far.tell("post 0 \(number)") }
            #expect(try await mine.next()?.text == "0")
            mine.close()
            #expect(try await mine.next() == nil)
            #expect(try await far.tell("reason 0") == "closed")
        }
    }

    @Test(
        "Closing a port whose peer has closed before ends its delivery too, and detaches it",
        arguments: Place.allCases)
    func ownCloseAfterPeersEndsDelivery(place: Place) async throws {
        try await withFarContext(place) { far in
            let (mine, theirs) = try MessageChannel.makePair()
            try await far.tell("hold", giving: [.port(theirs)])
            for number in 0..<3 { try await far.tell("post 0 \(number)") }
            try await far.tell("close 0")
            mine.start()
            #expect(try await mine.waitUntilClosed().code == .closed)
            #expect(try await mine.next()?.text == "0")
            mine.close()
            #expect(try await mine.next() == nil)
            #expect(mine.isDetached)
            #expect(throws: PortError.self) { try far.control.postMessage(.text("hold", transfer: [.port(mine)])) }
        }
    }

    @Test(
        "Text that cannot be decoded is a messageerror on that port, and the port lives on",
        arguments: Place.allCases)
    func undecodableTextIsMessageError(place: Place) async throws {
        try await withFarContext(place) { far in
            let (raw, end) = try StreamSocket.pair()
            let theirs = try MessagePort(adopting: end, on: .shared)
            try await far.tell("hold", giving: [.port(theirs)])
            // Two texts, of which the first is no UTF-8, and a close.
            let bytes: [UInt8] =
                [2, 0, 0, 0, 2, 0, 0, 0, 0xc3, 0x28] + [1, 0, 0, 0, 2, 0, 0, 0, 0x61]
                + [8, 0, 0, 0, 17, 0, 0, 0] + [UInt8](repeating: 0, count: 8)
            try send(bytes, to: raw)
            #expect(try await far.tell("events 0") == "error:2 a close:closed")
            // The same port of the control line would have died too, had it been the line's fault.
            #expect(try await far.tell("hold") == "0")
        }
    }

    @Test("JSON that is not valid is found when it is decoded, and the port lives on", arguments: Place.allCases)
    func invalidJSONIsFoundByDecoding(place: Place) async throws {
        try await withFarContext(place) { far in
            let (mine, theirs) = try MessageChannel.makePair()
            try theirs.postMessage(.json("{"))
            try await far.tell("hold", giving: [.port(theirs)])
            let message = try #require(try await mine.next())
            let error = #expect(throws: PortError.self) { try message.decode(Int.self) }
            #expect(error?.code == .notDecodable)
            try await far.tell("post 0 fine")
            #expect(try await mine.next()?.text == "fine")
        }
    }

    @Test("A handler that posts to itself without end does not starve timers", arguments: Place.allCases)
    func endlessHandlerStarvesNoTimer(place: Place) async throws {
        try await withFarContext(place) { far in
            let (mine, theirs) = try MessageChannel.makePair()
            try await far.tell("hold", giving: [.port(theirs)])
            try await far.tell("echo 0")
            for _ in 0..<500 { try mine.postMessage("round and round") }
            mine.onMessage { _ = try? mine.postMessage($0.bytes) }
            // Timers of the loop here; and the other side's loop still serves its other port.
            for _ in 0..<20 { await oneTick() }
            #expect(try await far.tell("hold") == "0")
            mine.close()
        }
    }

    private func oneTick() async {
        await withCheckedContinuation { continuation in
            do {
                let loop = try EventLoop.shared
                loop.reactor.schedule(after: .milliseconds(1)) { continuation.resume() }
            } catch {
                continuation.resume()
            }
        }
    }

    private func send(_ bytes: [UInt8], to socket: StreamSocket) throws {
        try bytes.withUnsafeBytes { bytes in
            let part = clinux_piece(start: bytes.baseAddress, count: bytes.count)
            try withUnsafePointer(to: part) {
                guard case .sent(bytes.count) = try socket.send(UnsafeBufferPointer(start: $0, count: 1))
                else { throw POSIXShortWrite() }
            }
        }
    }

    private struct POSIXShortWrite: Error {}
}
