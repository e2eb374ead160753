import CConnectToLinux
import ConnectToLinux
import ConnectToPorts
import ConnectToTesting
import Testing

/// What stands on a line does not change by accident: peers of older versions are at the other end.
///
/// The loop is turned by hand, so that the same acts always write the same frames.
@Suite("A line as older versions wrote it", .timeLimit(.minutes(1)))
struct CompatibilityTests {
    @Test(
        "For each recorded act the library writes the bytes and descriptors of older versions",
        arguments: RecordedAct.allCases)
    func libraryWritesRecordedBytes(act: RecordedAct) throws {
        let recorded = try RecordedLine(act.rawValue)
        let written = try perform(act)
        #expect(written == recorded.frames.map(\.text))
    }

    @Test(
        "For each recorded act the library gives the program what an older version wrote",
        arguments: RecordedAct.allCases)
    func libraryReadsRecordedBytes(act: RecordedAct) throws {
        let recorded = try RecordedLine(act.rawValue)
        let replay = try Replay(recorded)
        #expect(replay.delivered == recorded.delivered)
        #expect(replay.answers == recorded.answers)
    }

    /// What the peer reads, a text for each frame.
    private func perform(_ act: RecordedAct) throws -> [String] {
        let loop = try EventLoop.makeDrivenByForeignLoop()
        let (near, far) = try StreamSocket.pair()
        let (innerNear, innerFar) = try StreamSocket.pair()
        let port = MessagePort(adopting: near, on: loop)
        let inner = MessagePort(adopting: innerNear, on: loop)
        if !act.before.isEmpty {
            port.onMessage { _ in }
            try far.write(act.before)
        }
        if !act.beforeOnInner.isEmpty {
            inner.start()
            try innerFar.write(act.beforeOnInner)
        }
        loop.runReady()
        let failure = Lock<(any Error)?>(nil)
        loop.reactor.execute {
            do {
                try act.perform(on: port, far: far, at: RecordedAct.Desk(inner: inner))
            } catch {
                failure.withLock { $0 = error }
            }
        }
        loop.runReady()
        if let failure = failure.withLock(\.self) { throw failure }
        defer { withExtendedLifetime((port, inner, innerFar)) {} }
        return try far.frames().map(\.text)
    }
}

/// A program that gets what was recorded, and closes the ports that come along.
private struct Replay {
    let delivered: [String]
    let answers: [String]

    init(_ recorded: RecordedLine) throws {
        let loop = try EventLoop.makeDrivenByForeignLoop()
        let (near, far) = try StreamSocket.pair()
        let port = MessagePort(adopting: near, on: loop)
        let events = Lock<[String]>([])
        let ports = Lock<[MessagePort]>([])
        @Sendable func log(_ event: String) { events.withLock { $0.append(event) } }
        // So that a close can say how many were taken.
        try port.postMessage("first")
        port.onMessage { message in
            log(Self.words(message))
            for inner in message.ports {
                ports.withLock { $0.append(inner) }
                inner.onMessage { log("port: " + Self.words($0)) }
                inner.onClose { log("port: over: \($0.code)") }
            }
        }
        port.onClose { [weak port] in
            log("over: \($0.code), \(port?.undeliveredCount ?? -1) not taken, was done: \(port?.peerWasDone == true)")
        }
        var farEnds: [StreamSocket] = []
        for frame in recorded.frames {
            let cargo = try frame.cargo.map { try $0.make() }
            farEnds += cargo.compactMap(\.farEnd)
            try far.write(frame.bytes, cargo.map(\.descriptor))
        }
        loop.runReady()
        if port.closeReason == nil, port.peerHasFinished { log("no more messages") }
        for inner in ports.withLock(\.self) { inner.close() }
        loop.runReady()
        delivered = events.withLock(\.self)
        answers = try farEnds.flatMap { try $0.frames().map(\.text) }
        withExtendedLifetime(port) {}
    }

    private static func words(_ message: Message) -> String {
        let things = message.transferred.map { thing in
            if let file = thing.file { return " [file " + (file.withFileDescriptor { Self.contents($0) } ?? "") + "]" }
            guard let buffer = thing.buffer else { return " [\(thing.kind)]" }
            let first = buffer.withUnsafeBytes { $0.first ?? 0 } ?? 0
            return " [\(buffer.isWritable ? "writable" : "sealed") \(buffer.count) \(first)]"
        }
        return "\(message.kind) \(message.text ?? "\(message.bytes)")" + things.joined()
    }

    private static func contents(_ number: Int32) -> String {
        guard let descriptor = try? Descriptor.duplicate(of: number),
            case .file(let contents)? = try? RecordedCargo(of: descriptor)
        else { return "?" }
        return contents
    }
}

extension StreamSocket {
    /// All frames that are there, each with the descriptors that came with its header.
    fileprivate func frames() throws -> [RecordedLine.Frame] {
        var frames: [RecordedLine.Frame] = []
        while true {
            // No further than the header: then the descriptors are this frame's.
            var (bytes, descriptors) = try read(8)
            if bytes.count < 8 { return frames }
            let length = Int(bytes[0]) | Int(bytes[1]) << 8 | Int(bytes[2]) << 16
            bytes += try read(length).bytes
            frames.append(RecordedLine.Frame(cargo: try descriptors.map(RecordedCargo.init(of:)), bytes: bytes))
        }
    }

    private func read(_ count: Int) throws -> (bytes: [UInt8], descriptors: [Descriptor]) {
        var bytes = [UInt8](repeating: 0, count: count)
        if count == 0 { return ([], []) }
        let outcome = try bytes.withUnsafeMutableBytes { try receive(into: $0) }
        guard case .received(let received) = outcome else { return ([], []) }
        return (Array(bytes.prefix(received.count)), received.descriptors)
    }

    /// Writes bytes that fit into the kernel's buffer.
    fileprivate func write(_ bytes: [UInt8], _ descriptors: [Descriptor] = []) throws {
        try bytes.withUnsafeBytes { buffer in
            var part = clinux_piece(start: buffer.baseAddress, count: buffer.count)
            try withUnsafePointer(to: &part) { part in
                _ = try send(
                    UnsafeBufferPointer(start: part, count: 1), descriptors: descriptors.map(\.rawValue))
            }
        }
    }
}
