import CBench
import ConnectTo
import Glibc

/// What the other process does: serves whoever connects, by what the first message asks for.
struct Server {
    enum Role: String {
        /// Sends each message back.
        case echo
        /// Takes numbered messages, and answers the one that is none of them.
        case sink
        /// Answers each numbered message with an empty one.
        case answer
        /// Reads each numbered buffer, and answers.
        case buffers
        /// Decodes each value, and posts it again.
        case json
        /// Keeps ports, open and started; of each message's the last is echoed.
        case ports
        /// Takes a numbered message from each port that it was given, and answers when all have brought it.
        case broadcast
        /// Registers as many contexts as it is told.
        case contexts
        /// Makes messengers of ports.
        case calls
        /// Makes spokes of ports.
        case spokes
    }

    let work: Work

    var name: String { "bench-\(work.size)" }

    func run() async throws {
        check(bench_end_with_parent() == 0, "no tie to the parent")
        var limits = BusLimits()
        // A program that connects again and again would be refused: that is what the limit is for.
        limits.callers.introductionsPerSecond = 1_000_000
        let bus = try await Bus.at(work.address, limits: limits)
        let welcomes = try await bus.register(name + "-welcome")
        let context = try await bus.register(name)
        let others = work.what == "hold" ? try await register(work.size, on: bus) : []
        defer { withExtendedLifetime(others) {} }
        // For who starts it by hand; the rest waits for the name.
        print("ready")
        fflush(nil)
        let executor = try work.executor
        Task(executorPreference: executor) {
            for try await event in welcomes.connectEvents { try event.source.postMessage("Welcome") }
        }
        for try await event in context.connectEvents {
            Task(executorPreference: executor) {
                do {
                    try await serve(event.source, on: bus)
                } catch { fail("the other process: \(error)") }
            }
        }
    }

    private func serve(_ port: MessagePort, on bus: Bus) async throws {
        // No iterator: it would have the messages to itself as long as it lives.
        guard let role = try await port.nextMessage()?.text else { return }
        switch Role(rawValue: role) {
        case .echo: try await echo(port)
        case .sink: try await sink(port)
        case .answer:
            var number: UInt64 = 0
            for try await message in port.messages {
                check(message.isStamped(number), "message \(number) did not arrive intact")
                number += 1
                try port.postMessage("")
            }
        case .buffers: try await takeBuffers(port)
        case .json:
            for try await message in port.messages { try port.postMessage(.encoding(message.decode(Note.self))) }
        case .ports: try await keepPorts(port)
        case .broadcast: try await takeBroadcasts(port)
        case .contexts: try await registerContexts(port, on: bus)
        case .calls: try await serveCalls(port)
        case .spokes: try await serveSpokes(port)
        case nil:
            // A call from the shell: it ends when we close.
            for try await _ in port.messages {}
            port.close()
        }
    }

    func echo(_ port: MessagePort) async throws {
        for try await message in port.messages { try port.postMessage(message.bytes) }
    }

    private func sink(_ port: MessagePort) async throws {
        var number: UInt64 = 0
        for try await message in port.messages {
            if message.isStamped(number) {
                number += 1
            } else {
                check(message.isStamped(lastMessage), "message \(number) did not arrive intact")
                try port.postMessage("\(number)")
            }
        }
    }

    private func takeBuffers(_ port: MessagePort) async throws {
        var number: UInt64 = 0
        for try await message in port.messages {
            let isIntact = message.buffers.first?.withUnsafeBytes {
                bench_is_filled($0.baseAddress, $0.count, number) != 0
            }
            check(isIntact == true, "buffer \(number) did not arrive intact")
            number += 1
            try port.postMessage("")
        }
    }
}

/// No number of a message; says that it was the last.
let lastMessage = UInt64.max / 2

/// A small value.
struct Note: Codable, Equatable, Sendable {
    var id: Int
    var name: String
    var isDone: Bool
}
