import CBench
import ConnectTo
import ConnectToMessaging
import Glibc

// Hot paths of calls, for counting their instructions. The far end of the line is written and read as it is, so that
// one side of each is counted.

extension Instructions {
    /// A messenger, and the far end of its line. Both have said hello.
    private func line(_ channel: MessageChannel, _ loop: EventLoop) throws -> (Messenger, RawCalls) {
        var options = MessengerOptions()
        options.executor = loop.executor
        let messenger = Messenger(channel.port1, options: options)
        let far = RawCalls(try channel.port2.detachSocket())
        far.write(.hello)
        far.read(8 + 16) { turn(loop) }
        return (messenger, far)
    }

    /// One request at a time: the caller's side.
    func ask(_ channel: MessageChannel, _ loop: EventLoop) throws {
        let (messenger, far) = try line(channel, loop)
        let question = [UInt8](repeating: 1, count: size)
        Task(executorPreference: loop.executor) { [count] in
            for _ in 0..<max(1, count) {
                let answer = try await messenger.request("echo", .bytes(question))
                check(answer.count == question.count, "an answer of \(answer.count) bytes")
            }
        }
        loop.runReady()
        for id in 1...max(1, count) {
            far.read(8 + 16 + 4 + size) { turn(loop) }
            far.write(.result(id: UInt64(id), size: size))
            turn(loop)
        }
    }

    /// One request at a time: the callee's side.
    func answer(_ channel: MessageChannel, _ loop: EventLoop) throws {
        let (messenger, far) = try line(channel, loop)
        messenger.on(Request<[UInt8], [UInt8]>("echo")) { question, _ in question }
        for id in 1...max(1, count) {
            far.write(.request(id: UInt64(id), type: "echo", size: size))
            far.read(8 + 16 + size) { turn(loop) }
        }
    }

    /// Events, and what the loop does for them; as ``post(_:_:)`` does with messages.
    func tell(_ channel: MessageChannel, _ loop: EventLoop) throws {
        let (messenger, far) = try line(channel, loop)
        let content = [UInt8](repeating: 1, count: size)
        for _ in 0..<count / 100 {
            Task(executorPreference: loop.executor) {
                for _ in 0..<100 { try messenger.post("news", .bytes(content)) }
            }
            loop.runReady()
            far.read(100 * (8 + 16 + 4 + size)) { turn(loop) }
            far.write(.grant(100 * (16 + 4 + size)))
        }
    }

    /// Events as they come from the kernel, to a handler.
    func hear(_ channel: MessageChannel, _ loop: EventLoop) throws {
        let (messenger, far) = try line(channel, loop)
        let taken = Counter()
        messenger.onEvent("news") { [size] content, _ in
            check(content.count == size, "an event of \(content.count) bytes")
            taken.increment()
        }
        let event = RawCalls.Envelope.event(type: "news", size: size).frame
        let events = [[UInt8]](repeating: event, count: 100).flatMap(\.self)
        for round in 1...max(1, count / 100) {
            far.write(events)
            while taken.value < round * 100 { turn(loop) }
        }
    }
}

/// The far end of a line of calls, by the bytes (`dbus/CALLS.md`).
final class RawCalls {
    private let socket: Int32
    private var sink = [UInt8](repeating: 0, count: 256 << 10)

    init(_ socket: Int32) {
        self.socket = socket
    }

    struct Envelope {
        /// The frame: its header, the envelope, and a body of so many bytes.
        var frame: [UInt8]

        private init(
            _ operation: UInt8, flags: UInt8 = 0, number: Int = 0, id: UInt64 = 0, name: String = "", size: Int? = nil
        ) {
            let length = 16 + name.utf8.count + (size ?? 0)
            frame = [UInt8](repeating: 1, count: 8 + length)
            frame.withUnsafeMutableBytes { bytes in
                bytes.storeBytes(of: UInt32(length).littleEndian, as: UInt32.self)
                bytes.storeBytes(of: UInt32(1).littleEndian, toByteOffset: 4, as: UInt32.self)
                bytes[8] = operation
                bytes[9] = size == nil ? 0 : 1
                bytes[10] = flags
                bytes[11] = UInt8(name.utf8.count)
                bytes.storeBytes(of: UInt32(number).littleEndian, toByteOffset: 12, as: UInt32.self)
                bytes.storeBytes(of: id.littleEndian, toByteOffset: 16, as: UInt64.self)
                for (i, byte) in name.utf8.enumerated() { bytes[24 + i] = byte }
            }
        }

        static var hello: Envelope { Envelope(1, flags: 1, number: 64, id: 16 << 20) }

        static func request(id: UInt64, type: String, size: Int) -> Envelope {
            Envelope(2, number: 5_000, id: id, name: type, size: size)
        }

        static func result(id: UInt64, size: Int) -> Envelope { Envelope(4, id: id, size: size) }

        /// Of bytes of the window.
        static func grant(_ bytes: Int) -> Envelope { Envelope(7, flags: 2, number: bytes) }

        static func event(type: String, size: Int) -> Envelope { Envelope(8, name: type, size: size) }
    }

    func write(_ envelope: Envelope) { write(envelope.frame) }

    func write(_ bytes: [UInt8]) {
        check(send(socket, bytes, bytes.count, 0) == bytes.count, "the socket takes no \(bytes.count) bytes")
    }

    /// Reads so many bytes, turning the loop until they are there.
    func read(_ count: Int, _ turn: () -> Void) {
        var taken = 0
        while taken < count {
            let n = recv(socket, &sink, min(sink.count, count - taken), Int32(MSG_DONTWAIT))
            if n > 0 { taken += n } else { turn() }
        }
    }
}
