import ConnectTo
import ConnectToTestSupport
import ConnectToTesting
import Glibc

extension Scene {
    // MARK: The bus

    func restartTheBus(times: Int, _ chance: Seeded) async throws {
        var chance = chance
        let pause = ContinuousClock.now.duration(to: end) / (times + 1)
        for _ in 0..<times {
            try await Task.sleep(for: pause * Double.random(in: 0.5...1, using: &chance))
            bus.kill()
            if Bool.random(using: &chance) {
                try await Task.sleep(for: .milliseconds(Int.random(in: 0..<200, using: &chance)))
            }
            try await bus.restart()
            tally.add("bus restarts")
        }
    }

    // MARK: Lines

    /// A port that is open from beginning to end: every message comes back, once and in order.
    func talkThroughout(to name: String, _ chance: Seeded) async throws {
        var chance = chance
        let port = here.connectTo(name, options: .init(wait: .untilAvailable(for: Self.patience)))
        try await port.waitUntilOpen()
        var messages = port.messages.makeAsyncIterator()
        var number = 0
        while !isOver {
            let burst = (0..<Int.random(in: 1...50, using: &chance)).map { index in
                "\(number + index) "
                    + String(repeating: "x", count: Int.random(in: 0..<2_000, using: &chance))
            }
            number += burst.count
            for text in burst { try await port.send(.text(text)) }
            for text in burst {
                let answer = try await step("an answer of \(name)") { try await messages.next()?.text }
                try hold(
                    answer == text,
                    "\(name) answered \(answer?.prefix(20) ?? "nothing") to \(text.prefix(20))")
            }
            tally.add("messages there and back", burst.count)
            try await Task.sleep(for: .milliseconds(Int.random(in: 0..<20, using: &chance)))
        }
        try hold(port.closeReason == nil, "\(name): \(String(describing: port.closeReason))")
        port.close()
    }

    /// Contexts that come and go, with callers that post and finish: what was accepted has arrived, in order.
    func comeAndGo(_ number: Int, _ chance: Seeded) async throws {
        var chance = chance
        while !isOver {
            let name = "\(number) \(UInt32.random(in: 0 ... .max, using: &chance))"
            let context = try await step("registering") { try await register(name, on: there) }
            let callers = Int.random(in: 1...5, using: &chance)
            try await withThrowingTaskGroup { group in
                group.addTask { try await receive(from: context) }
                for _ in 0..<callers {
                    let count = Int.random(in: 0...100, using: &chance)
                    let isCutShort = Int.random(in: 0..<4, using: &chance) == 0
                    group.addTask { try await post(count, to: name, cutShort: isCutShort) }
                }
                for _ in 0..<callers { try await group.next() }
                await context.unregister()
                try await group.waitForAll()
            }
            tally.add("contexts")
        }
    }

    private func receive(from context: Context) async throws {
        try await withThrowingDiscardingTaskGroup { group in
            for try await event in context.connectEvents {
                group.addTask {
                    var next = 0
                    do {
                        for try await message in event.source.messages {
                            try hold(
                                message.text == "\(next)", "\(message.text ?? "?") came in place of \(next)")
                            next += 1
                        }
                    } catch let error as PortError {
                        // Cut short, or the caller has given up as the bus went.
                        try hold(error.reason?.code == .peerExited, "\(error)")
                    }
                    // For the caller, which knows how many there were.
                    _ = try? event.source.postMessage("\(next)")
                    event.source.finish()
                }
            }
        }
    }

    private func post(_ count: Int, to name: String, cutShort: Bool) async throws {
        let port = here.connectTo(name, options: .init(wait: .untilAvailable(for: Self.patience)))
        do {
            for index in 0..<count { try await port.send("\(index)") }
            if cutShort {
                port.close()
                // Its listener may have been killed.
                try? await port.flush()
                return tally.add("callers that left")
            }
            port.finish()
            let taken = try await step("the count of \(name)") {
                var messages = port.messages.makeAsyncIterator()
                return try await messages.next()?.text
            }
            try hold(taken == "\(count)", "of \(count) messages \(taken ?? "none") arrived")
            tally.add("messages counted", count)
        } catch let error as PortError {
            try hold(error.reason?.code == .busLost, "\(name): \(error)")
            tally.add("callers that the bus went away from")
        }
    }

    /// Ports sent over other ports: what is said on them keeps its order over the move.
    func transfer(_ chance: Seeded) async throws {
        var chance = chance
        while !isOver {
            let (line, channel) = (try MessageChannel(), try MessageChannel())
            let before = Int.random(in: 0..<20, using: &chance)
            let after = Int.random(in: 0..<20, using: &chance)
            for index in 0..<before { try channel.port1.postMessage("\(index)") }
            try line.port1.postMessage(.text("take it", transfer: [.port(channel.port2)]))
            for index in before..<before + after { try channel.port1.postMessage("\(index)") }
            channel.port1.finish()
            try await step("a transferred port") {
                var messages = line.port2.messages.makeAsyncIterator()
                guard let moved = try await messages.next()?.ports.first else { throw Broken("no port came") }
                moved.finish()
                var next = 0
                for try await message in moved.messages {
                    try hold(message.text == "\(next)", "\(message.text ?? "?") came in place of \(next)")
                    next += 1
                }
                try hold(next == before + after, "\(next) of \(before + after) came over a transferred port")
            }
            line.port1.close()
            tally.add("transfers")
            try await Task.sleep(for: .milliseconds(Int.random(in: 0..<20, using: &chance)))
        }
    }

    // MARK: Processes

    /// Listeners in processes of their own that are killed in the middle of it all, and the next in line.
    func killListeners(_ number: Int, _ chance: Seeded) async throws {
        var chance = chance
        let name = "victim \(number)"
        while !isOver {
            let pause = Int.random(in: 0..<100, using: &chance)
            try await withListener(name) { victim in
                try await step("talking to \(name)") {
                    // It may be dead before it is called.
                    let port = here.connectTo(name, options: .init(wait: .untilAvailable(for: .milliseconds(500))))
                    async let _: Void = {
                        try? await Task.sleep(for: .milliseconds(pause))
                        victim.kill()
                    }()
                    var sent = 0
                    var answered = 0
                    do {
                        var messages = port.messages.makeAsyncIterator()
                        while true {
                            try await port.send("\(sent)")
                            sent += 1
                            if port.closeReason != nil { break }
                            guard let text = try await messages.next()?.text else { break }
                            try hold(
                                text == "\(answered)", "\(name) answered \(text) in place of \(answered)")
                            answered += 1
                        }
                    } catch is PortError {}
                    let codes: [CloseReason.Code] = [.peerExited, .busLost, .timedOut]
                    let reason = try await port.waitUntilClosed()
                    try hold(codes.contains(reason.code), "\(name): \(reason)")
                }
            }
            tally.add("listeners killed")
        }
    }

    func withListener(_ name: String, _ body: @Sendable (TalkingProcess) async throws -> Void) async throws {
        try await withProcess(testPeer, [bus.address, "echo", name]) { process in
            let line = await process.line()
            if line?.hasPrefix("failed:") == true {
                // The bus was away when it came.
                tally.add("listeners without a bus")
                return
            }
            try hold(line == "listening", "a listener said \(line ?? "nothing")")
            try await body(process)
        }
    }
}
