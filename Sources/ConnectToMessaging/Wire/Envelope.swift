/// The beginning of every message of a line of calls: what the message is, and which form its body has
/// (`dbus/CALLS.md`, sections 2 and 3).
///
/// The body stays where it is: an envelope says only where it begins.
struct Envelope: Equatable, Sendable {
    var operation: Operation
    /// Nil where there is no body, which is another thing than an empty one.
    var body: BodyKind?
    /// The body is compressed (section 11).
    var isCompressed = false

    enum Operation: Equatable, Sendable {
        case hello(Hello)
        /// - Parameters:
        ///   - id: greater than all ids that this side has used before.
        ///   - type: the handler's name; empty for a barrier.
        ///   - remaining: the milliseconds that are left; 0 where there is no deadline.
        ///   - wantsMany: whether the caller asks for a stream.
        case request(id: UInt64, type: String, remaining: UInt32, wantsMany: Bool)
        case element(id: UInt64)
        case result(id: UInt64, keepsPlace: Bool)
        case failure(id: UInt64, code: String, text: String, keepsPlace: Bool)
        case cancel(id: UInt64)
        case grant(Grant)
        case event(type: String)
        case lane
        case rest(Rest)
    }

    enum BodyKind: UInt8, Sendable {
        case bytes = 1
        case text = 2
        case json = 3
    }

    /// What a side says of a rest of the line, in which its end can be handed over (section 10).
    enum Rest: UInt8, Sendable {
        /// The sender wants one.
        case wanted = 0
        /// The sender agrees to what the other side wants.
        case agreed = 1
        /// The sender no longer wants one.
        case over = 2
    }

    /// The right to send more of something.
    enum Grant: Equatable, Sendable {
        /// Requests that may be under way.
        case places(UInt32)
        /// Bytes of requests and events.
        case window(UInt32)
        /// Elements of one stream.
        case elements(UInt32, of: UInt64)
    }
}

/// The first message of each side: what it speaks, and how much it takes.
struct Hello: Equatable, Sendable {
    var version: UInt8 = 1
    /// How many requests the other side may have under way.
    var places: UInt32
    /// How many bytes of requests and events the other side may send before more is granted.
    var window: UInt64
    var features: Set<String> = []

    /// What each side has until the other's hello has come, and the least that a hello may say.
    static let least = Hello(places: 1, window: 65_536)
}
