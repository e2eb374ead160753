import ConnectTo
import ConnectToMessaging
import ConnectToTestSupport
import ConnectToTesting
import Testing

/// The hub is here, and its peers are processes.
@Suite("A hub whose peers are killed and stopped", .timeLimit(.minutes(1)), .privateBus)
struct HubProcessTests {
    private static let who = Request<NoPayload, String>("who")

    /// Serves "hub" while a closure runs. Ids are what the callers wish for.
    private func withHub(_ body: (Hub) async throws -> Void) async throws {
        let bus = try await Bus.at(PrivateBus.current.address)
        let context = try await bus.register("hub", options: ContextOptions(format: .calls))
        let hub = Hub()
        async let serving: Void = hub.serve(context) { $0.metadata["as"] }
        try await body(hub)
        await context.unregister()
        try await serving
    }

    /// Runs so many spokes in a process of their own.
    private func withSpokes(
        _ first: Int, count: Int = 1, of hub: Hub, _ body: (TalkingProcess) async throws -> Void
    ) async throws {
        try await withPeer("spokes", "hub", first, count) { process in
            #expect(await process.line() == "connected")
            // The other side's line opens a moment before the hub takes its event.
            var changes = hub.changes.makeAsyncIterator()
            while hub["spoke \(first + count - 1)"] == nil { _ = await changes.next() }
            try await body(process)
        }
    }

    @Test("A peer that is killed is gone once, with its reason; one that is stopped stays, and answers later")
    func killedAndStopped() async throws {
        try await withHub { hub in
            try await withSpokes(1, of: hub) { killed in
                try await withSpokes(2, of: hub) { stopped in
                    var changes = hub.changes.makeAsyncIterator()
                    for _ in 1...2 { _ = await changes.next() }
                    try stopped.suspend()
                    killed.kill()
                    guard case .disconnected(let peer, let reason)? = await changes.next() else { throw Unexpected() }
                    #expect(peer.id == "spoke 1")
                    #expect(reason.code == .peerExited)
                    await expectError(.timedOut) {
                        try await hub["spoke 2"]?.request(Self.who, within: .milliseconds(100))
                    }
                    #expect(hub.peers.map(\.id) == ["spoke 2"])
                    stopped.resume()
                    #expect(try await hub["spoke 2"]?.request(Self.who) == "spoke 2")
                    try await stopped.type()
                    guard case .disconnected(let last, let end)? = await changes.next() else { throw Unexpected() }
                    #expect(last.id == "spoke 2")
                    #expect(end.code == .closed)
                }
            }
        }
    }

    @Test("Gathering gets every answer at once, and the ends of a peer that is killed and of one that is stopped")
    func gather() async throws {
        let deadline = Duration.seconds(3)
        try await withHub { hub in
            try await withSpokes(0, count: 200, of: hub) { _ in
                try await withSpokes(1_000, of: hub) { killed in
                    try await withSpokes(2_000, of: hub) { stopped in
                        try stopped.suspend()
                        let start = SuspendingClock.now
                        var answers: [Duration] = []
                        var ends: [String: CallError.Code] = [:]
                        for await (peer, result) in try hub.gather(Self.who, NoPayload(), within: deadline) {
                            if answers.isEmpty { killed.kill() }
                            switch result {
                            case .success(let id):
                                #expect(id == peer.id)
                                answers.append(start.duration(to: .now))
                            case .failure(let error): ends[peer.id] = error.code
                            }
                        }
                        let end = start.duration(to: .now)
                        #expect(answers.count >= 200)
                        // Well before the deadline, which is all that a machine that is busy with other things can
                        // promise; the benchmark has the times.
                        #expect(try #require(answers.last) < .seconds(2))
                        #expect(ends["spoke 2000"] == .timedOut)
                        #expect(ends["spoke 1000"] == nil || ends["spoke 1000"] == .lineEnded)
                        #expect(ends.count + answers.count == 202)
                        #expect(end >= deadline && end < deadline + .seconds(2))
                    }
                }
            }
        }
    }

    @Test(
        "A peer that is killed while its answer is gathered ends as a line that has ended, before the others' deadline")
    func killedWhileAsked() async throws {
        try await withHub { hub in
            try await withSpokes(1, of: hub) { killed in
                let gathering = Task {
                    var errors: [CallError] = []
                    for await (_, result) in try hub.gather("hang", within: .seconds(30)) {
                        if case .failure(let error) = result { errors.append(error) }
                    }
                    return errors
                }
                #expect(await killed.line() == "asked")
                killed.kill()
                let errors = try await gathering.value
                #expect(errors.map(\.code) == [.lineEnded])
                #expect(errors.first?.reason?.code == .peerExited)
            }
        }
    }

    @Test("A peer that is stopped with all queued that it may have is named by the broadcast, and delays no other")
    func broadcastToStopped() async throws {
        try await withHub { hub in
            try await withSpokes(1, of: hub) { stopped in
                try await withSpokes(2, count: 10, of: hub) { _ in
                    try stopped.suspend()
                    let content = [UInt8](repeating: 7, count: 256 << 10)
                    var posted = 0
                    var skipped: [Hub.Skipped] = []
                    while skipped.isEmpty {
                        skipped = try hub.broadcast("news", .bytes(content))
                        posted += 1
                        for await (peer, result) in try hub.gather("heard", except: "spoke 1") {
                            #expect(try result.get().text == "\(posted)", "\(peer)")
                        }
                    }
                    #expect(skipped.map(\.peer.id) == ["spoke 1"])
                    #expect(skipped.first?.error.code == .queueFull)
                    #expect(posted * content.count >= 16 << 20)
                    // It is still a peer, and gets what it was sent when it goes on.
                    stopped.resume()
                    #expect(
                        try await hub["spoke 1"]?.request("heard", within: .seconds(30)).text == "\(posted - 1)")
                }
            }
        }
    }
}
