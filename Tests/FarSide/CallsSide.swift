package import ConnectToLinux
package import ConnectToMessaging
import ConnectToPorts

/// One side of a line of calls whose requests come to a chosen point, stay there and say so: in the process of the
/// test, or in another one that the test kills or stops.
package struct CallsSide: Sendable {
    /// The places that both sides give each other.
    package static let places = 2

    package static var options: MessengerOptions {
        var options = MessengerOptions()
        options.places = places
        return options
    }

    /// Opened when everything that was held back may go on.
    package let goOn = Latch<Void>()
    private let say: @Sendable (String) -> Void
    private let meetings = Meetings(of: places)

    /// - Parameter say: hears what happens, a line each.
    package init(say: @escaping @Sendable (String) -> Void) {
        self.say = say
    }

    /// Tells the other side to make the requests of a step.
    package static let ask = Event<Ask>("ask")
    package struct Ask: Codable, Sendable {
        var step: Int
        var milliseconds: Int

        package init(_ step: CallStep, milliseconds: Int) {
            self.step = step.rawValue
            self.milliseconds = milliseconds
        }
    }

    // MARK: The callee

    package func makeHandlers() -> Handlers {
        let handlers = Handlers()
        answer(handlers)
        stream(handlers)
        // The other process is told by events what to do.
        handlers.on(Self.ask) { [self] ask, context in
            guard let messenger = context.messenger, let step = CallStep(rawValue: ask.step) else { return }
            say(await self.ask(step, messenger, within: .milliseconds(ask.milliseconds)).joined(separator: "; "))
        }
        handlers.onEvent("go on") { [goOn] _, _ in goOn.set() }
        handlers.onEvent("check") { [self] _, context in
            if let messenger = context.messenger { say(await check(messenger)) }
        }
        return handlers
    }

    private func answer(_ handlers: Handlers) {
        handlers.onRequest("echo") { payload, _ in payload.text.map { .text($0) } }
        handlers.onRequest("hold") { [self] _, _ in
            say("started")
            try await holdUntilCancelled()
            return nil
        }
        handlers.onRequest("nested") { [self] _, context in
            guard let messenger = context.messenger else { return nil }
            let outcome = await Self.outcome { try await messenger.request("hold") }
            say("nested: \(outcome)")
            return nil
        }
        handlers.onRequest("stubborn") { [self] _, _ in
            say("started")
            await withTaskCancellationHandler {
                // A task of its own, so that no cancel reaches it.
                await Task { [goOn] in _ = await goOn.wait() }.value
            } onCancel: {
                say("cancelled")
            }
            return nil
        }
        handlers.onRequest("meet") { [meetings] _, context in
            if let messenger = context.messenger { await meetings.join(onLineOf: messenger) }
            return nil
        }
        handlers.onDeferred(Request<NoPayload, NoPayload>("deferred")) { [self] _, answer, _ in
            hold(answer)
            say("deferred")
        }
    }

    private func stream(_ handlers: Handlers) {
        handlers.on(StreamRequest<Int, Int>("count")) { [self] count, answers, context in
            for number in 1...count { try await answers.yield(number) }
            if count == 1 {
                say("element 1")
                try await holdUntilCancelled()
            }
            // When the caller has answered this it has read the elements before it. It is no request of the handler.
            if let messenger = context.messenger { await Task.detached { try? await messenger.barrier() }.value }
            say("window full")
            do {
                try await answers.yield(count + 1)
            } catch {
                say("cancelled")
                throw error
            }
        }
    }

    /// Keeps a duty to answer until everything may go on.
    private func hold(_ answer: consuming DeferredAnswer<NoPayload>) {
        let box = Box(answer)
        Task { [goOn] in
            _ = await goOn.wait()
            box.answer()
        }
    }

    private func holdUntilCancelled() async throws {
        do {
            try await Task.sleep(for: .seconds(100))
        } catch {
            say("cancelled")
            throw error
        }
    }

    // MARK: The caller

    /// Makes the requests of a step, and returns how they have ended.
    package func ask(_ step: CallStep, _ messenger: Messenger, within limit: Duration) async -> [String] {
        switch step {
        case .queued:
            let requests = ["hold", "hold", "echo"].map { type in
                Task.immediate { await Self.outcome { try await messenger.request(type, within: limit) } }
            }
            var outcomes: [String] = []
            for request in requests { outcomes.append(await request.value) }
            return outcomes
        case .sent, .started: return [await Self.outcome { try await messenger.request("hold", within: limit) }]
        case .nested: return [await Self.outcome { try await messenger.request("nested", within: limit) }]
        case .beforeTheAnswer: return [await Self.outcome { try await messenger.request("stubborn", within: limit) }]
        case .deferred: return [await Self.outcome { try await messenger.request("deferred", within: limit) }]
        case .firstElement: return [await take(1, messenger, within: limit)]
        case .fullWindow: return [await take(16, messenger, within: limit)]
        case .answered:
            let outcome = await Self.outcome { try await messenger.request("echo", within: limit) }
            say("answered")
            return [outcome]
        case .cancelled:
            let request = Task.immediate {
                await Self.outcome { try await messenger.request("stubborn", within: limit) }
            }
            try? await messenger.barrier()
            request.cancel()
            let outcome = await request.value
            say("gave up")
            return [outcome]
        }
    }

    /// Takes one element of a stream, and what is left of it when everything may go on.
    private func take(_ count: Int, _ messenger: Messenger, within limit: Duration) async -> String {
        var taken = 0
        let outcome = await Self.outcome {
            for try await _ in try messenger.stream(StreamRequest<Int, Int>("count"), count, within: limit) {
                taken += 1
                if taken == 1 {
                    say("took 1")
                    if count > 1 { _ = await goOn.wait() }
                }
            }
        }
        return "\(taken) taken, \(outcome)"
    }

    /// Finds out whether all places are there and the line carries requests: how many have been answered.
    package func check(_ messenger: Messenger) async -> String {
        await withTaskGroup(of: Bool.self) { group in
            // Each is answered only if all of them run at the same time.
            for _ in 0..<Self.places {
                group.addTask { (try? await messenger.request("meet", within: .seconds(20))) != nil }
            }
            for number in 0..<64 {
                group.addTask {
                    let answer = try? await messenger.request("echo", .text("\(number)"), within: .seconds(20))
                    return answer?.text == "\(number)"
                }
            }
            var answered = 0
            for await isAnswered in group where isAnswered { answered += 1 }
            return "\(answered) answered"
        }
    }

    /// What ``check(_:)`` returns where nothing is missing.
    package static let allAnswered = "\(64 + places) answered"

    /// How a request has ended, in words: its result, or the error's code and the stage.
    package static func outcome<Result>(
        isolation actor: isolated (any Actor)? = #isolation, _ request: () async throws -> Result
    ) async -> String {
        do {
            _ = try await request()
            return "result"
        } catch let error as CallError {
            return error.stage.map { "\(error.code) \($0)" } ?? "\(error.code)"
        } catch {
            return "\(error)"
        }
    }
}

/// A duty to answer, for a closure to keep.
private final class Box: Sendable {
    private let kept: Lock<DeferredAnswer<NoPayload>?>

    init(_ answer: consuming DeferredAnswer<NoPayload>) {
        kept = Lock(answer)
    }

    func answer() {
        let answer = kept.withLock { kept in kept.take() }
        try? answer?.answer(NoPayload())
    }
}

/// Lets tasks go on when so many of the same line have come. One that is cancelled leaves.
///
/// Each line has a meeting of its own: a handler of a line that has just ended may not have left yet, and would be
/// counted for another line.
private final class Meetings: Sendable {
    private let size: Int
    private let waiting = Lock<[ObjectIdentifier: [Latch<Void>]]>([:])

    init(of size: Int) {
        self.size = size
    }

    func join(onLineOf messenger: Messenger) async {
        let line = ObjectIdentifier(messenger)
        let own = Latch<Void>()
        let complete: [Latch<Void>] = waiting.withLock { waiting in
            waiting[line, default: []].append(own)
            if waiting[line, default: []].count < size { return [] }
            return waiting.removeValue(forKey: line) ?? []
        }
        for latch in complete { latch.set() }
        if await own.wait() == nil { waiting.withLock { $0[line]?.removeAll { $0 === own } } }
    }
}
