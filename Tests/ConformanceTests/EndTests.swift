import ConnectTo
import ConnectToPorts
import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Testing

@Suite("How ports behave: the end", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct EndTests {
    @Test("The close event fires on the other side, not on the closer", arguments: Place.allCases)
    func closeEventOnOtherSide(place: Place) async throws {
        try await withFarContext(place) { far in
            let (mine, theirs) = try MessageChannel.makePair()
            try await far.tell("hold", giving: [.port(theirs)])
            let (calls, log) = AsyncStream<String>.makeStream()
            mine.onClose { log.yield("on the closer: \($0)") }
            try far.begin("events 0")
            mine.close()
            #expect(try await far.answer() == "close:closed")
            log.finish()
            var next = calls.makeAsyncIterator()
            #expect(await next.next() == nil)
        }
    }

    @Test("The close event fires when the other side drops the last reference", arguments: Place.allCases)
    func closeEventAfterLastReference(place: Place) async throws {
        try await withFarContext(place) { far in
            let (mine, theirs) = try MessageChannel.makePair()
            try await far.tell("hold", giving: [.port(theirs)])
            let (calls, log) = AsyncStream<String>.makeStream()
            mine.onClose { log.yield("\($0.code)") }
            try await far.tell("drop 0")
            var next = calls.makeAsyncIterator()
            #expect(await next.next() == "closed")
        }
    }

    @Test("The close event fires when the other process exits or is killed", arguments: [SIGTERM, SIGKILL])
    func closeEventAfterKill(signal: Int32) async throws {
        let bus = try await Bus.at(PrivateBus.current.address)
        try await withPeer("far", "far") { peer in
            #expect(await peer.line() == "listening")
            let control = bus.connectTo("far")
            try await control.waitUntilOpen()
            let far = FarContext(control: control)
            let (mine, theirs) = try MessageChannel.makePair()
            try await far.tell("hold", giving: [.port(theirs)])
            try await far.tell("post 0 last-words")
            kill(peer.processID, signal)
            let (calls, log) = AsyncStream<String>.makeStream()
            mine.onClose { log.yield("\($0.code)") }
            mine.onMessage { log.yield($0.text ?? "?") }
            var next = calls.makeAsyncIterator()
            #expect(await next.next() == "last-words")
            #expect(await next.next() == "peer-exited")
            #expect(try await control.waitUntilClosed().code == .peerExited)
        }
    }

    @Test(
        "The close event fires for a port that was in transit, once it is started", arguments: Place.allCases)
    func closeEventOfPortInTransit(place: Place) async throws {
        try await withFarContext(place) { far in
            let (mine, theirs) = try MessageChannel.makePair()
            try mine.postMessage("said before")
            // On its way before it closes, received after.
            try far.control.postMessage(.text("hold", transfer: [.port(theirs)]))
            mine.close()
            #expect(try await far.answer() == "1")
            #expect(try await far.tell("events 0") == "said before close:closed")
        }
    }

    @Test("A frozen and resumed peer is not closed")
    func frozenPeerIsNotClosed() async throws {
        let bus = try await Bus.at(PrivateBus.current.address)
        try await withPeer("echo", "x") { peer in
            #expect(await peer.line() == "listening")
            let port = bus.connectTo("x")
            try await port.waitUntilOpen()
            try peer.suspend()
            try port.postMessage("are you there?")
            try await port.flush()
            #expect(port.closeReason == nil)
            peer.resume()
            #expect(try await port.next()?.text == "are you there?")
            #expect(port.closeReason == nil)
        }
    }

    @Test(
        "The death of a process that carries a port in transit closes it at the other end",
        arguments: [0, 1])
    func carriersDeathClosesPortInTransit(started: Int) async throws {
        let bus = try await Bus.at(PrivateBus.current.address)
        try await withPeer("deaf", "carrier", started) { peer in
            #expect(await peer.line() == "listening")
            let line = bus.connectTo("carrier")
            try await line.waitUntilOpen()
            let (mine, theirs) = try MessageChannel.makePair()
            try line.postMessage(.text("carry this", transfer: [.port(theirs)]))
            try await line.flush()
            mine.start()
            #expect(mine.closeReason == nil)
            peer.kill()
            #expect(try await mine.waitUntilClosed().code == .peerExited)
        }
    }

    @Test("The death of a process that holds a port which it never started closes it at the other end")
    func holdersDeathClosesUnstartedPort() async throws {
        let bus = try await Bus.at(PrivateBus.current.address)
        try await withPeer("far", "far") { peer in
            #expect(await peer.line() == "listening")
            let control = bus.connectTo("far")
            try await control.waitUntilOpen()
            let far = FarContext(control: control)
            let (mine, theirs) = try MessageChannel.makePair()
            try mine.postMessage("said before")
            try await far.tell("hold", giving: [.port(theirs)])
            // What nobody takes is bounded: the kernel's buffer is full, then the queue here.
            let error = #expect(throws: PortError.self) {
                while true { try mine.postMessage([UInt8](repeating: 0, count: 64 << 10)) }
            }
            #expect(error?.code == .queueFull)
            // It may speak before it listens.
            try await far.tell("post 0 first")
            #expect(try await mine.next()?.text == "first")
            peer.kill()
            #expect(try await mine.waitUntilClosed().code == .peerExited)
            let lost = await #expect(throws: PortError.self) { try await mine.flush() }
            #expect(lost?.code == .undelivered)
        }
    }

    @Test("The close event fires for each port that a process dies with unread, beside others or inside of one")
    func closeEventOfEachUnreadPort() async throws {
        let bus = try await Bus.at(PrivateBus.current.address)
        try await withPeer("deaf", "carrier", 0) { peer in
            #expect(await peer.line() == "listening")
            let line = bus.connectTo("carrier")
            try await line.waitUntilOpen()
            let channels = try (0..<3).map { _ in try MessageChannel() }
            // The third waits in the second, unread, when that goes.
            try channels[1].port1.postMessage(.text("inside", transfer: [.port(channels[2].port2)]))
            try line.postMessage(.text("carry", transfer: [.port(channels[0].port2), .port(channels[1].port2)]))
            try await line.flush()
            let (calls, log) = AsyncStream<String>.makeStream()
            for channel in channels { channel.port1.onClose { log.yield("\($0.code)") } }
            peer.kill()
            var next = calls.makeAsyncIterator()
            for _ in channels { #expect(await next.next() == "peer-exited") }
            for channel in channels { #expect(try await channel.port1.waitUntilClosed().code == .peerExited) }
        }
    }

    @Test("A port that is dropped where it was never started is closed at the other end, with nothing taken")
    func droppedUnstartedPortCloses() async throws {
        for place in Place.allCases {
            try await withFarContext(place) { far in
                let (mine, theirs) = try MessageChannel.makePair()
                for number in 0..<3 { try mine.postMessage("\(number)") }
                try await far.tell("hold", giving: [.port(theirs)])
                try await far.tell("drop 0")
                #expect(try await mine.waitUntilClosed().code == .closed)
                #expect(mine.undeliveredCount == 3)
            }
        }
    }
}
