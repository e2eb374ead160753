import ConnectTo
import ConnectToMessaging
import ConnectToTestSupport
import ConnectToTesting

/// What is asked in the soak: the callee waits, and answers with the number or fails.
private struct Question: Codable, Sendable {
    var number: Int
    var milliseconds: Int
    var fails: Bool

    static let echo = Request<Question, Int>("echo")
    static let count = StreamRequest<Question, Int>("count")
    static let failure = CallError.Code(rawValue: "soak.failure")
}

extension Scene {
    // MARK: Calls

    /// Requests and streams at random over lines that may end in the middle: each ends once, and as it may.
    func call(_ chance: Seeded) async throws {
        var chance = chance
        while !isOver {
            let (mine, theirs) = try MessageChannel.makePair()
            let (caller, callee) = (Messenger(mine), Messenger(theirs))
            callee.on(Question.echo) { question, _ in
                try await Task.sleep(for: .milliseconds(question.milliseconds))
                if question.fails { throw CallFailure(Question.failure, "as it was asked to") }
                return question.number
            }
            callee.on(Question.count) { question, answers, _ in
                for number in 0..<question.number { try await answers.yield(number) }
                if question.fails { throw CallFailure(Question.failure, "as it was asked to") }
            }
            let count = Int.random(in: 1...200, using: &chance)
            let endsEarly = Int.random(in: 0..<4, using: &chance) == 0
            try await withThrowingDiscardingTaskGroup { group in
                for number in 0..<count {
                    let question = Question(
                        number: number, milliseconds: Int.random(in: 0...10, using: &chance),
                        fails: Int.random(in: 0..<10, using: &chance) == 0)
                    let limit = Duration.milliseconds(Int.random(in: 1...200, using: &chance))
                    let isCancelled = Int.random(in: 0..<8, using: &chance) == 0
                    let isStream = Int.random(in: 0..<4, using: &chance) == 0
                    group.addTask {
                        let asking = Task {
                            try await isStream ? take(question, of: caller, limit) : ask(question, caller, limit)
                        }
                        if isCancelled { asking.cancel() }
                        try await step("a request") { try await asking.value }
                    }
                }
                if endsEarly {
                    group.addTask {
                        try await Task.sleep(for: .milliseconds(5))
                        callee.close()
                    }
                }
            }
            if !endsEarly {
                // All that was given up has been answered too: the places are there.
                try await step("a barrier") { try await caller.barrier(within: Self.patience) }
            }
            caller.close()
            tally.add("lines of calls")
        }
    }

    private func ask(_ question: Question, _ messenger: Messenger, _ limit: Duration) async throws {
        do {
            let answer = try await messenger.request(Question.echo, question, within: limit)
            try hold(answer == question.number && !question.fails, "\(question) was answered with \(answer)")
            tally.add("requests answered")
        } catch let error as CallError {
            try check(error, question)
        }
    }

    private func take(_ question: Question, of messenger: Messenger, _ limit: Duration) async throws {
        var next = 0
        do {
            for try await number in try messenger.stream(Question.count, question, within: limit) {
                try hold(number == next, "element \(number) of a stream came in place of \(next)")
                next += 1
            }
            try hold(next == question.number && !question.fails, "\(question) gave \(next) elements")
            tally.add("streams taken")
        } catch let error as CallError {
            try check(error, question)
        }
    }

    private func check(_ error: CallError, _ question: Question) throws {
        let codes: [CallError.Code] = [.timedOut, .cancelled, .lineEnded]
        try hold(
            codes.contains(error.code) || question.fails && error.code == Question.failure,
            "\(question) ended as \(error)")
        tally.add("requests that ended as \(error.code)")
    }

    // MARK: Hubs

    /// Hubs in processes of their own that are killed, and spokes that come back to the next one.
    func killHubs(_ number: Int, _ chance: Seeded) async throws {
        var chance = chance
        let name = "hub \(number)"
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<3 { group.addTask { try await comeBack(to: name, as: index) } }
            while !isOver {
                let pause = Duration.milliseconds(Int.random(in: 0..<300, using: &chance))
                try await withProcess(testPeer, [bus.address, "hub", name]) { hub in
                    let line = await hub.line()
                    if line?.hasPrefix("failed:") == true { return tally.add("hubs without a bus") }
                    try hold(line == "listening", "a hub said \(line ?? "nothing")")
                    try await Task.sleep(for: pause)
                    hub.kill()
                }
                tally.add("hubs killed")
            }
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    private func comeBack(to name: String, as index: Int) async throws {
        let handlers = Handlers()
        handlers.onRequest("who") { _, _ in .text("spoke \(index)") }
        let options = ConnectOptions(wait: .untilAvailable(for: Self.patience), metadata: ["as": "spoke \(index)"])
        while !Task.isCancelled {
            do {
                let hubs = here.messengers(to: name, options: options, handlers: handlers, following: .everyEnd)
                for try await hub in hubs {
                    tally.add("spokes that came back")
                    try await talk(with: hub, (index + 1) % 3)
                    try await hub.waitUntilClosed()
                }
            } catch let error as PortError where error.code != .cancelled {
                let codes: [CloseReason.Code] = [.peerExited, .busLost, .timedOut, .refused]
                try hold(error.reason.map { codes.contains($0.code) } == true, "\(name): \(error)")
            } catch let error as PortError where error.code == .cancelled {
                return
            } catch { throw error }
        }
    }

    /// Takes a few elements of a stream, and asks another spoke through the hub.
    private func talk(with hub: Messenger, _ other: Int) async throws {
        do {
            var ticks = 0
            for try await _ in try hub.stream("tick") {
                ticks += 1
                if ticks == 100 { break }
            }
            let who = try await hub.request("who", to: "spoke \(other)").text
            try hold(who == "spoke \(other)", "spoke \(other) said that it is \(who ?? "nothing")")
            tally.add("requests relayed")
        } catch let error as CallError {
            let codes: [CallError.Code] = [.lineEnded, .unknownPeer, .timedOut, .cancelled]
            try hold(codes.contains(error.code), "through a hub: \(error)")
        }
    }
}
