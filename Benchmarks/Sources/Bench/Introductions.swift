import CBench
import ConnectTo
import Glibc

// Measurements of introductions, and of many contexts.

extension Work {
    /// From `connectTo` to the "Welcome" that the listener posts, read: from a bus connection that the listener knows,
    /// and from new ones.
    func connect(_ far: FarProcess) async throws {
        var warm = try await welcomes(from: far.bus, by: far.name + "-welcome")
        report(&warm, as: "connect")
        var first = Samples()
        let deadline = deadline
        repeat {
            // Not the one that is there: a loop has one connection to a bus, which has to go first.
            await far.bus.close()
            let bus = try await Bus.at(address)
            try await welcome(from: bus, by: far.name + "-welcome", &first)
            await bus.close()
        } while bench_now() < deadline
        report(&first, as: "connect first")
    }

    private func welcomes(from bus: Bus, by name: String) async throws -> Samples {
        var samples = Samples()
        // The first waits for the other process to begin, and is asked who it is.
        for _ in 0..<20 { try await welcome(from: bus, by: name, &samples) }
        samples = Samples()
        let deadline = deadline
        while bench_now() < deadline { try await welcome(from: bus, by: name, &samples) }
        return samples
    }

    private func welcome(from bus: Bus, by name: String, _ samples: inout Samples) async throws {
        let begin = bench_now()
        let port = bus.connectTo(name)
        var messages = port.messages.makeAsyncIterator()
        let message = try await messages.next()
        samples.add(since: begin)
        check(message?.text == "Welcome", "no welcome by \(name)")
        port.close()
    }

    /// As many contexts as ``size`` in the other process: how long they take to register, pipelined; what each takes of
    /// its heap; how long connecting to one of them takes, and the directory.
    func contexts(_ far: FarProcess) async throws {
        let control = try await far.line(as: .contexts)
        var answers = control.messages.makeAsyncIterator()
        var lone = try await welcomes(from: far.bus, by: far.name + "-welcome")
        try control.postMessage("\(size)")
        guard let facts = try await answers.next()?.decode(ContextFacts.self) else { fail("no answer") }
        report(facts.seconds * 1e6, "us", as: "contexts: registering all")
        report(facts.heap, "B", as: "contexts: heap for each")
        var amongMany = try await welcomes(from: far.bus, by: far.name + "-welcome")
        report(&lone, as: "contexts: connectTo, before")
        report(&amongMany, as: "contexts: connectTo")
        var directory = Samples()
        var bare = 0
        for _ in 0..<(size > 1_000 ? 3 : 10) {
            let begin = bench_now()
            let entries = try await far.bus.directory()
            directory.add(since: begin)
            let many = entries.filter { $0.name.hasPrefix("many-") }
            check(many.count == size, "the directory is not whole")
            // Those that did not tell them in time.
            bare = max(bare, many.count { $0.metadata == nil })
        }
        report(Double(bare), "count", as: "contexts: of the directory, without details")
        report(&directory, as: "contexts: directory")
    }
}

/// What registering many took.
struct ContextFacts: Codable, Sendable {
    let seconds: Double
    /// Bytes for each.
    let heap: Double
}

extension Server {
    func registerContexts(_ port: MessagePort, on bus: Bus) async throws {
        var kept: [Context] = []
        for try await message in port.messages {
            let count = Int(message.text ?? "") ?? 0
            let heap = bench_heap()
            let begin = bench_now()
            kept = try await register(count, on: bus)
            let seconds = (bench_now() - begin) / 1e6
            // The array is ours.
            let used = Double(bench_heap()) - Double(heap) - Double(kept.capacity * 8)
            try port.postMessage(.encoding(ContextFacts(seconds: seconds, heap: used / Double(max(1, count)))))
        }
        withExtendedLifetime(kept) {}
    }

    /// All at once; the bus answers one after the other.
    func register(_ count: Int, on bus: Bus) async throws -> [Context] {
        try await withThrowingTaskGroup(of: Context.self) { group in
            for i in 0..<count { group.addTask { try await bus.register("many-\(i)") } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }
}
