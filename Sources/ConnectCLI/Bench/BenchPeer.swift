import ArgumentParser
import ConnectTo
import ConnectToLinux

/// The other process of `connect bench`. Its standard input is a line; each message brings a port, and says what part
/// to play on it.
struct BenchPeer: ProgramCommand {
    static let name = "bench-peer"
    static let configuration = CommandConfiguration(
        commandName: name, abstract: "The other process of bench.", shouldDisplay: false)

    @OptionGroup var common: CommonOptions
    @Option(transform: BenchProcessors.init) var cpus: BenchProcessors?
    @Flag var loop = false
    @Flag var spin = false

    /// What is played on a port.
    enum Part: String {
        /// Sends each message back.
        case echo
        /// Takes numbered messages, and answers the one that is empty with how many there were.
        case sink
        /// Answers each numbered message with an empty one, and so each numbered buffer.
        case answer
        /// Registers the name that it is told, and welcomes whoever connects.
        case host
    }

    func work(in program: Program) async throws -> ExitStatus {
        try cpus?.pin(first: false)
        let line = StreamSocket(try .duplicate(of: 0))
        guard StreamSocket.isConnectedStream(line.descriptor) else {
            throw Failure(.usage, "\(Self.name) is what connect bench starts; call that")
        }
        if spin { try BenchPlace.spin() }
        let control = MessagePort(adopting: line, on: try EventLoop.shared)
        do {
            try await BenchPlace.run(onLoop: loop) { try await serve(control) }
        } catch let error as PortError where error.reason?.code == .peerExited {
            // The bench was ended in the middle. That is its user's doing, and nothing to be told.
        }
        return .success
    }

    private func serve(_ control: MessagePort) async throws {
        try await withThrowingTaskGroup { group in
            for try await message in control.messages {
                guard let part = message.text.flatMap(Part.init), let port = message.ports.first else {
                    continue
                }
                group.addTask { try await play(part, on: port) }
            }
            group.cancelAll()
        }
    }

    private func play(_ part: Part, on port: MessagePort) async throws {
        switch part {
        case .echo:
            for try await message in port.messages { try port.postMessage(message.bytes) }
        case .sink:
            var count: UInt64 = 0
            for try await message in port.messages {
                if message.count == 0 {
                    try port.postMessage("\(count)")
                } else {
                    try message.withUnsafeBytes { bytes throws(Failure) in try bytes.check(count) }
                    count += 1
                }
            }
        case .answer:
            var count: UInt64 = 0
            for try await message in port.messages {
                if let buffer = message.buffers.first {
                    _ = try buffer.withUnsafeBytes { try $0.checkAll(count) }
                } else {
                    try message.withUnsafeBytes { bytes throws(Failure) in try bytes.check(count) }
                }
                count += 1
                try port.postMessage("")
            }
        case .host: try await host(port)
        }
    }

    private func host(_ port: MessagePort) async throws {
        var messages = port.messages.makeAsyncIterator()
        guard let name = try await messages.next()?.text else { return }
        let (_, origin) = try common.contextName(name)
        let context = try await common.openBus().register(name, origin: origin)
        try port.postMessage("ready")
        for await event in context.connects { try event.source.postMessage("Welcome") }
    }
}
