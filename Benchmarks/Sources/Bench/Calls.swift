import CBench
import ConnectTo
import ConnectToMessaging

// Measurements of requests, answers and events between the two processes.

/// What both processes call them.
enum Calls {
    static let echo = Request<[UInt8], [UInt8]>("echo")
    static let note = Request<Note, Note>("note")
    static let news = Event<[UInt8]>("news")
    /// What nobody waits for, and what does not wait.
    static let bulk = Event<[UInt8]>("bulk")
    static let pressing = Event<[UInt8]>("pressing")
    /// How many events have come, since it was asked last.
    static let count = Request<NoPayload, Int>("count")
}

extension Work {
    /// Handlers run where the tasks do.
    var callOptions: MessengerOptions {
        get throws {
            var options = MessengerOptions()
            options.executor = try executor
            // For `urgent`: with the port's 16 MiB, 64 are queued.
            options.queuedEvents = 48 << 20
            return options
        }
    }

    /// A line of calls to the other process.
    func messenger(_ far: FarProcess) async throws -> Messenger {
        let carrier = try await far.line(as: .calls)
        let messenger = Messenger(try await give(1, over: carrier)[0], options: try callOptions)
        // The carrier is closed when it goes, so its port has to have arrived.
        try await messenger.barrier()
        return messenger
    }

    /// One request after the other, of bytes that come back.
    func request(_ far: FarProcess) async throws {
        var samples = try await requests(to: messenger(far))
        report(&samples)
    }

    private func requests(to messenger: Messenger) async throws -> Samples {
        var message = [UInt8](repeating: 0, count: size)
        var samples = Samples()
        let deadline = deadline
        var number: UInt64 = 0
        while bench_now() < deadline || number < 24 {
            let begin = bench_now()
            message.stamp(number)
            let answer = try await messenger.request(Calls.echo, message)
            if number >= 20 { samples.add(since: begin) }
            check(answer.isStamped(number), "request \(number) did not come back intact")
            number += 1
        }
        return samples
    }

    /// The same with a small value.
    func requestNotes(_ far: FarProcess) async throws {
        let messenger = try await messenger(far)
        var samples = Samples()
        let deadline = deadline
        var note = Note(id: 0, name: "a note of some length", isDone: false)
        while bench_now() < deadline || note.id < 24 {
            note.id += 1
            let begin = bench_now()
            let answer = try await messenger.request(Calls.note, note)
            if note.id > 20 { samples.add(since: begin) }
            check(answer == note, "note \(note.id) did not come back intact")
        }
        report(&samples)
    }

    /// Answers a second: of 64 tasks that ask one request after the other, and of one beside it.
    func requestsInFlight(_ far: FarProcess) async throws {
        let messenger = try await messenger(far)
        let lone = try await rate(of: 1, asking: messenger)
        report(lone, "per_s", as: "inflight, one")
        report(try await rate(of: 64, asking: messenger), "per_s")
    }

    private func rate(of tasks: Int, asking messenger: Messenger) async throws -> Double {
        let begin = bench_now()
        let deadline = deadline
        let answers = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<tasks {
                group.addTask {
                    var message = [UInt8](repeating: 0, count: size)
                    var number: UInt64 = 0
                    while bench_now() < deadline {
                        message.stamp(number)
                        let answer = try await messenger.request(Calls.echo, message)
                        check(answer.isStamped(number), "request \(number) did not come back intact")
                        number += 1
                    }
                    return Int(number)
                }
            }
            return try await group.reduce(0, +)
        }
        return Double(answers) / (bench_now() - begin) * 1e6
    }

    /// Events one way. A barrier after some thousand of them, and each is waited for when the next is sent: so both
    /// processes have something to do, and no more waits than is in between.
    func events(_ far: FarProcess) async throws {
        let messenger = try await messenger(far)
        let executor = try executor
        var message = [UInt8](repeating: 0, count: size)
        let begin = bench_now()
        let deadline = deadline
        var number: UInt64 = 0
        var barrier: Task<Void, any Error>?
        repeat {
            for _ in 0..<4_096 {
                message.stamp(number)
                try messenger.post(Calls.news, message)
                number += 1
            }
            let earlier = barrier
            barrier = Task.immediate(executorPreference: executor) { try await messenger.barrier(within: nil) }
            try await earlier?.value
        } while bench_now() < deadline
        let taken = try await messenger.request(Calls.count)
        check(taken == Int(number), "\(number) events were posted, and \(taken) arrived")
        report(Double(number) / (bench_now() - begin) * 1e6, "per_s")
    }

    /// Urgent events, until they have been handled: on an idle line, and while 64 MiB of other events are queued.
    func urgentEvents(_ far: FarProcess) async throws {
        let messenger = try await messenger(far)
        let urgent = try messenger.urgent
        var idle = try await urgentEvents(over: urgent) {}
        reportP99(&idle, as: "urgent, idle")
        let bulk = [UInt8](repeating: 0, count: 1 << 20)
        var queued = try await urgentEvents(over: urgent) {
            // What has been taken meanwhile is queued again.
            do throws(CallError) { while true { try messenger.post(Calls.bulk, bulk) } } catch {
                guard error.code == .queueFull else { throw error }
            }
        }
        reportP99(&queued, as: "urgent")
    }

    private func urgentEvents(
        over urgent: Messenger, before prepare: () throws -> Void
    ) async throws -> Samples {
        var samples = Samples()
        let deadline = deadline
        let message = [UInt8](repeating: 1, count: size)
        var count = 0
        while bench_now() < deadline || count < 200 {
            try prepare()
            let begin = bench_now()
            try await urgent.send(Calls.pressing, message, within: nil)
            samples.add(since: begin)
            count += 1
        }
        return samples
    }

    private func reportP99(_ samples: inout Samples, as what: String) {
        report(bench_quantile(&samples.values, 0.99), "us", as: what)
    }
}

extension Server {
    /// Makes a messenger of each port that it is given, and keeps it.
    func serveCalls(_ carrier: MessagePort) async throws {
        for try await message in carrier.messages {
            for port in message.ports {
                let messenger = Messenger(port, options: try work.callOptions, starts: false)
                serveCalls(on: messenger)
                messenger.start()
            }
        }
    }

    private func serveCalls(on messenger: Messenger) {
        messenger.on(Calls.echo) { message, _ in message }
        messenger.on(Calls.note) { note, _ in note }
        messenger.onEvent(Calls.bulk.type) { _, _ in }
        messenger.onEvent(Calls.pressing.type) { _, _ in }
        let taken = Counter()
        messenger.onEvent(Calls.news.type) { message, _ in
            let number = taken.increment() - 1
            check(message.isStamped(UInt64(number)), "event \(number) did not arrive intact")
        }
        messenger.on(Calls.count) { _, _ in
            // The handler keeps the messenger, until its process ends.
            withExtendedLifetime(messenger) { taken.value }
        }
    }
}

extension [UInt8] {
    func isStamped(_ number: UInt64) -> Bool {
        withUnsafeBytes { bench_is_stamped($0.baseAddress, $0.count, number) != 0 }
    }
}
