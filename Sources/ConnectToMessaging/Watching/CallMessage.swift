public import ConnectTo

/// What one message of a line of calls says (`dbus/CALLS.md`): for programs that watch such lines.
///
/// ```swift
/// for try await message in try await bus.tap("dashboard") {
///     if let call = CallMessage(message) { print(message.direction, call) }  // received request 7 status, 5000 ms, json
/// }
/// ```
///
/// A property is nil where messages of this operation do not have it.
public struct CallMessage: Sendable, Equatable {
    /// What a message does: one of the constants. Later versions may add some, so a `switch` needs a default.
    public struct Operation: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
        public let rawValue: String

        public init(rawValue: String) { self.rawValue = rawValue }

        public var description: String { rawValue }

        /// The first message of each side: what it speaks, and how much it takes.
        public static let hello = Operation(rawValue: "hello")
        /// A question with one answer.
        public static let request = Operation(rawValue: "request")
        /// A question with many answers.
        public static let stream = Operation(rawValue: "stream")
        /// A request without a type, answered when all that was sent before it is being handled.
        public static let barrier = Operation(rawValue: "barrier")
        /// One of many answers.
        public static let element = Operation(rawValue: "element")
        /// The answer, or the end of many.
        public static let result = Operation(rawValue: "result")
        /// The answer where the question failed.
        public static let failure = Operation(rawValue: "failure")
        /// The caller has given up.
        public static let cancel = Operation(rawValue: "cancel")
        /// The other side may send more.
        public static let grant = Operation(rawValue: "grant")
        /// Something that no answer belongs to.
        public static let event = Operation(rawValue: "event")
        /// A second line between the two programs comes with it.
        public static let lane = Operation(rawValue: "lane")
        /// About a pause of requests and events, in which an end of the line is handed over.
        public static let rest = Operation(rawValue: "rest")
    }

    let envelope: Envelope
    /// Where the payload begins in the message, in bytes. It goes on to the message's end.
    public let payloadOffset: Int

    /// Reads a message; nil where it is none of a line of calls.
    public init?(_ message: Message) {
        guard message.kind == .bytes else { return nil }
        self.init(transferredCount: message.transferred.count) { decode in message.withUnsafeBytes(decode) }
    }

    /// Reads a copy of a message; nil where it is none of a line of calls, or a failure with a text that is longer
    /// than the copy.
    public init?(_ message: TappedMessage) {
        guard message.kind == .bytes else { return nil }
        self.init(message.payload, transferredCount: message.transferredCount)
    }

    /// Reads the bytes of a message, or its beginning; nil where they are no message of a line of calls.
    ///
    /// - Parameters:
    ///   - bytes: the message, or its beginning.
    ///   - transferredCount: how many things were transferred with it.
    public init?(_ bytes: [UInt8], transferredCount: Int = 0) {
        self.init(transferredCount: transferredCount) { decode in bytes.withUnsafeBytes(decode) }
    }

    private init?(
        transferredCount: Int, _ withBytes: ((UnsafeRawBufferPointer) -> (Envelope, Int)?) -> (Envelope, Int)?
    ) {
        guard let (envelope, offset) = withBytes({ try? Envelope.decode($0, transferredCount: transferredCount) })
        else { return nil }
        self.envelope = envelope
        payloadOffset = offset
    }

    public var operation: Operation {
        switch envelope.operation {
        case .hello: .hello
        case .request(_, type: "", _, _): .barrier
        case .request(_, _, _, let wantsMany): wantsMany ? .stream : .request
        case .element: .element
        case .result: .result
        case .failure: .failure
        case .cancel: .cancel
        case .grant: .grant
        case .event: .event
        case .lane: .lane
        case .rest: .rest
        }
    }

    /// The request that the message belongs to.
    public var id: UInt64? {
        switch envelope.operation {
        case .request(let id, _, _, _), .element(let id), .result(let id, _), .failure(let id, _, _, _),
            .cancel(let id), .grant(.elements(_, let id)):
            id
        case .hello, .grant, .event, .lane, .rest:
            nil
        }
    }

    /// The type of a request, stream or event, without ``peer``.
    public var type: String? {
        name.map { Addressed($0).type }
    }

    /// The peer of a hub that a request, stream or event is for (on the way to the hub) or from (on the way from it).
    public var peer: String? {
        name.flatMap { Addressed($0).address }
    }

    /// How much time a request, stream or barrier leaves for its answer; nil where it sets no limit.
    public var remainingTime: Duration? {
        guard case .request(_, _, let remaining, _) = envelope.operation, remaining > 0 else { return nil }
        return .milliseconds(remaining)
    }

    /// What kind of failure it is.
    public var code: CallError.Code? {
        guard case .failure(_, let code, _, _) = envelope.operation else { return nil }
        return CallError.Code(rawValue: code)
    }

    /// What a failure says to people.
    public var text: String? {
        guard case .failure(_, _, let text, _) = envelope.operation else { return nil }
        return text
    }

    /// What the sender declared the payload to be (of a failure: its details); nil where there is none.
    public var payloadKind: Message.Kind? {
        envelope.body.map(Message.Kind.init)
    }

    /// Whether the payload is compressed (`dbus/CALLS.md`, section 11).
    public var isCompressed: Bool { envelope.isCompressed }

    /// How many more requests at a time the sender takes, of a hello or a grant.
    public var places: Int? {
        switch envelope.operation {
        case .hello(let hello): Int(hello.places)
        case .grant(.places(let count)): Int(count)
        default: nil
        }
    }

    /// How many more bytes of requests and events the sender takes, of a hello or a grant.
    public var window: Int? {
        switch envelope.operation {
        case .hello(let hello): Int(hello.window)
        case .grant(.window(let count)): Int(count)
        default: nil
        }
    }

    /// How many more elements of the stream ``id`` the sender takes, of a grant.
    public var elements: Int? {
        guard case .grant(.elements(let count, _)) = envelope.operation else { return nil }
        return Int(count)
    }

    /// The type on the wire, with the peer; nil for a barrier.
    var name: String? {
        switch envelope.operation {
        case .request(_, let name, _, _), .event(let name): name.isEmpty ? nil : name
        default: nil
        }
    }
}

extension Message.Kind {
    init(_ body: Envelope.BodyKind) {
        self =
            switch body {
            case .bytes: .bytes
            case .text: .text
            case .json: .json
            }
    }
}
