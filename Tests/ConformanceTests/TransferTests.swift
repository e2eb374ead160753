import ConnectTo
import ConnectToPorts
import ConnectToTestSupport
import ConnectToTesting
import Testing

@Suite("How ports behave: transfer", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct TransferTests {
    @Test(
        "A closed or transferred port cannot be transferred, and nothing is sent; its peer still can",
        arguments: Place.allCases)
    func closedOrTransferredPortIsDetached(place: Place) async throws {
        try await withFarContext(place) { far in
            let closed = try MessageChannel()
            let given = try MessageChannel()
            closed.port1.close()
            try await far.tell("hold", giving: [.port(given.port1)])
            for port in [closed.port1, given.port1] {
                let error = #expect(throws: PortError.self) {
                    try far.control.postMessage(.text("hold", transfer: [.port(port)]))
                }
                #expect(error?.code == .detached)
            }
            #expect(try await far.tell("hold", giving: [.port(closed.port2), .port(given.port2)]) == "2")
            #expect(try await far.tell("events 1") == "close:closed")
            try await far.tell("post 0 x")
            #expect(try await far.tell("take 2 1") == "x")
        }
    }

    @Test(
        "A port in its own transfer list throws, a duplicate throws, and nothing has been detached",
        arguments: Place.allCases)
    func badTransferListsThrow(place: Place) async throws {
        try await withFarContext(place) { far in
            let (mine, theirs) = try MessageChannel.makePair()
            try mine.postMessage("still here")
            for list in [[theirs, far.control], [theirs, theirs]] {
                let error = #expect(throws: PortError.self) {
                    try far.control.postMessage(.text("hold", transfer: list.map { .port($0) }))
                }
                #expect(error?.code == .notTransferable)
            }
            #expect(!theirs.isDetached)
            #expect(!far.control.isDetached)
            try await far.tell("hold", giving: [.port(theirs)])
            #expect(try await far.tell("take 0 1") == "still here")
        }
    }

    @Test("Posting on a transferred port is silently dropped", arguments: Place.allCases)
    func postOnTransferredPortIsDropped(place: Place) async throws {
        try await withFarContext(place) { far in
            let (mine, theirs) = try MessageChannel.makePair()
            try await far.tell("hold", giving: [.port(theirs)])
            try theirs.postMessage("from nowhere")
            #expect(theirs.closeReason?.code == .transferred)
            try await far.tell("post 0 from-there")
            #expect(try await mine.next()?.text == "from-there")
            #expect(try await theirs.next() == nil)
        }
    }

    @Test(
        "Messages queued on a port that is transferred arrive in order, before later ones",
        arguments: Place.allCases)
    func messagesOfTransferredPortArriveInOrder(place: Place) async throws {
        try await withFarContext(place) { far in
            let (mine, theirs) = try MessageChannel.makePair()
            var port = theirs
            var posted = 0
            for hop in 0..<10 {
                for _ in 0..<100 {
                    try mine.postMessage("\(posted)")
                    posted += 1
                }
                try await far.tell("hold", giving: [.port(port)])
                if hop % 2 == 1 { try await far.tell("start \(hop)") }
                #expect(try await far.tell("take \(hop) 10") == numbers(hop * 20, 10))
                port = try await far.fetch(hop)
                for number in 0..<10 {
                    #expect(try await port.next()?.text == "\(hop * 20 + 10 + number)")
                }
            }
            mine.close()
            #expect(try await port.texts() == (200..<1_000).map(String.init))
        }
    }

    @Test("A transferred port arrives not started, though it was started before", arguments: Place.allCases)
    func transferredPortIsNotStarted(place: Place) async throws {
        try await withFarContext(place) { far in
            let (mine, theirs) = try MessageChannel.makePair()
            theirs.start()
            try mine.postMessage("x")
            try await far.tell("hold", giving: [.port(theirs)])
            try await far.tell("close 0")
            #expect(try await mine.waitUntilClosed().code == .closed)
            #expect(mine.undeliveredCount == 1)
        }
    }

    @Test(
        "Both ports of a channel may travel in one message, and are seen in list order",
        arguments: Place.allCases)
    func bothPortsInOneMessage(place: Place) async throws {
        try await withFarContext(place) { far in
            let (one, two) = try MessageChannel.makePair()
            try one.postMessage("from-one")
            try two.postMessage("from-two")
            #expect(try await far.tell("hold", giving: [.port(one), .port(two)]) == "2")
            #expect(try await far.tell("take 0 1") == "from-two")
            #expect(try await far.tell("take 1 1") == "from-one")
            try await far.tell("post 0 x")
            #expect(try await far.tell("take 1 1") == "x")
        }
    }

    @Test(
        "Posting a port through its own channel dooms the message without a throw", arguments: Place.allCases)
    func portThroughItsOwnChannel(place: Place) async throws {
        try await withFarContext(place) { far in
            let (mine, theirs) = try MessageChannel.makePair()
            // A hop first, so that it is not only this process that knows both ends.
            try await far.tell("hold", giving: [.port(theirs)])
            let target = try await far.fetch(0)
            try mine.postMessage(.text("doomed", transfer: [.port(target)]))
            #expect(target.isDetached)
            mine.start()
            // The kernel looks for such sockets when another is closed.
            while mine.closeReason == nil, !Task.isCancelled {
                try await far.tell("sink", giving: [.port(try MessageChannel().port1)])
            }
            #expect(try await mine.waitUntilClosed().code == .peerExited)
        }
    }

    @Test("Both ends of a channel can be moved to two places and still talk, and their maker may go")
    func bothEndsMovedAndMakerGone() async throws {
        let bus = try await Bus.at(PrivateBus.current.address)
        let here = try await bus.register("place1")
        try await withPeer("far", "place2") { peer in
            #expect(await peer.line() == "listening")
            try await withPeer("maker", "place") { maker in
                var calls = here.connectEvents.makeAsyncIterator()
                let line = try #require(try await calls.next()).source
                let mine = try #require(try await line.next()?.ports.first)
                try line.postMessage("ok")
                #expect(await maker.line() == "given away")
                maker.kill()
                try await line.waitUntilClosed()
                // Over there it has a handler, and so lives on.
                try mine.postMessage("still there?")
                #expect(try await mine.next()?.text == "still there?")
                #expect(mine.closeReason == nil)
            }
        }
    }

    @Test("10,000 messages each way all arrive once, in order, while one end goes through five processes")
    func portThroughFiveProcesses() async throws {
        let total = 10_000
        let bus = try await Bus.at(PrivateBus.current.address)
        let (mine, theirs) = try MessageChannel.makePair()
        try await withPeers("hop", "hop", 5, total) { peers in
            async let posting: Void = {
                for number in 0..<total { try await mine.send("\(number)") }
            }()
            async let answers = mine.texts()
            let line = bus.connectTo("hop1")
            try await line.waitUntilOpen()
            try line.postMessage(.text("take over", transfer: [.port(theirs)]))
            for peer in peers.dropLast() { #expect(await peer.line() == "passed on") }
            #expect(await peers.last?.line() == "done")
            try await posting
            #expect(try await answers == (0..<total).map(String.init))
            #expect(mine.closeReason?.code == .closed)
            #expect(mine.undeliveredCount == 0)
        }
    }

    @Test("10,000 transfers leave no descriptor behind", arguments: Place.allCases)
    func transfersLeaveNoDescriptor(place: Place) async throws {
        try await expectNoDescriptorLeak {
            try await withFarContext(place) { far in
                let before = try far.process?.facts().descriptors
                for _ in 0..<100 {
                    for _ in 0..<100 {
                        let (mine, theirs) = try MessageChannel.makePair()
                        try mine.postMessage("x")
                        try far.control.postMessage(.text("sink", transfer: [.port(theirs)]))
                    }
                    for _ in 0..<100 { #expect(try await far.answer() == "1") }
                }
                try await expect(far, toHold: before)
            }
        }
    }

    @Test("10,000 transfers that are refused half-way leave no descriptor behind", arguments: Place.allCases)
    func refusedTransfersLeaveNoDescriptor(place: Place) async throws {
        try await expectNoDescriptorLeak {
            try await withFarContext(place) { far in
                let before = try far.process?.facts().descriptors
                let gone = try MessageChannel().port1
                gone.close()
                let (mine, theirs) = try MessageChannel.makePair()
                try mine.postMessage("still here")
                var refusals = 0
                for _ in 0..<10_000 {
                    let file = try OpenFile(duplicating: 0)
                    do throws(PortError) {
                        try far.control.postMessage(.text("hold", transfer: [.file(file), .port(theirs), .port(gone)]))
                    } catch {
                        refusals += error.code == .detached && !file.isDetached ? 1 : 0
                    }
                }
                #expect(refusals == 10_000)
                #expect(try await far.tell("hold", giving: [.port(theirs)]) == "1")
                #expect(try await far.tell("take 0 1") == "still here")
                try await far.tell("close 0")
                try await expect(far, toHold: before)
            }
        }
    }

    /// In the other process too. It closes what came from elsewhere on a thread of its own, a little later.
    private func expect(_ far: FarContext, toHold count: Int?) async throws {
        guard let count, let process = far.process else { return }
        while try process.facts().descriptors > count, !Task.isCancelled { try await far.tell("hold") }
        #expect(try process.facts().descriptors <= count)
    }

    private func numbers(_ first: Int, _ count: Int) -> String {
        (first..<first + count).map(String.init).joined(separator: " ")
    }
}
