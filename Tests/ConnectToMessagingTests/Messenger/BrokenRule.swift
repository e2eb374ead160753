import ConnectTo
import Testing

/// What a peer does that breaks a rule of `dbus/CALLS.md`, section 12.
struct BrokenRule: CustomTestStringConvertible, Sendable {
    enum Asking: Sendable {
        case nothing, oneAnswer, manyAnswers
    }

    let testDescription: String
    /// What the reason has to say.
    let reason: String
    /// What the program under test has asked before, as its request 1.
    var asking = Asking.nothing
    /// The peer's messages, of which the last breaks the rule. Made anew for each test, since things that are
    /// transferred can be given away once.
    let messages: @Sendable () throws -> [OutgoingMessage]

    init(
        _ description: String, _ reason: String, asking: Asking = .nothing,
        _ envelopes: @escaping @Sendable () throws -> [RawEnvelope]
    ) {
        testDescription = description
        self.reason = reason
        self.asking = asking
        messages = { try envelopes().map(\.message) }
    }

    init(_ description: String, _ reason: String, raw messages: @escaping @Sendable () throws -> [OutgoingMessage]) {
        testDescription = description
        self.reason = reason
        self.messages = messages
    }

    static let all = framing + fields + hellos + requests + answers + grants + things

    private static let framing = [
        BrokenRule("a message of text", "text", raw: { [RawEnvelope.hello().message, "hello"] }),
        BrokenRule("a message of JSON", "json", raw: { [RawEnvelope.hello().message, .json("{}")] }),
        BrokenRule("an empty message", "shorter", raw: { [RawEnvelope.hello().message, .bytes([])] }),
        BrokenRule("operation 0", "operation 0", { [.hello(), RawEnvelope(operation: 0)] }),
        BrokenRule("operation 200", "operation 200", { [.hello(), RawEnvelope(operation: 200)] }),
        BrokenRule("a body of kind 4", "kind of body 4", { [.hello(), .request(1).with { $0.body = 4 }] }),
        BrokenRule("bytes where there is no body", "body", { [.hello(), .request(1).with { $0.rest = [0] }] }),
        BrokenRule("a name that is not UTF-8", "UTF-8", { [.hello(), .request(1).with { $0.name = [0xFF] }] }),
        BrokenRule(
            "a failure's text that is not UTF-8", "UTF-8", asking: .oneAnswer,
            { [.hello(), .failure(1).with { $0.rest = [0xFF, 0xFF, 0xFF, 0xFF] }] }),
        BrokenRule(
            "a failure shorter than its text", "cut", asking: .oneAnswer,
            { [.hello(), .failure(1).with { $0.number = .max }] }),
    ]

    private static let fields = [
        BrokenRule("an unknown flag of a request", "flags", { [.hello(), .request(1).with { $0.flags = 2 }] }),
        BrokenRule(
            "a compressed body without the feature", "compress",
            { [.hello(), .request(1, body: [4, 0, 0, 0, 0]).with { $0.flags = 128 }] }),
        BrokenRule("a flag of an event", "flags", { [.hello(), .event().with { $0.flags = 1 }] }),
        BrokenRule("a number of an event", "number", { [.hello(), .event().with { $0.number = 1 }] }),
        BrokenRule("an id of an event", "id", { [.hello(), .event().with { $0.id = 1 }] }),
        BrokenRule("an event without a type", "type", { [.hello(), .event("")] }),
        BrokenRule("a name of a cancel", "name", { [.hello(), .request(1), .cancel(1).with { $0.name = [0x61] }] }),
        BrokenRule("a body of a cancel", "body", { [.hello(), .request(1), .cancel(1).with { $0.body = 1 }] }),
        BrokenRule("a name of a grant", "name", { [.hello(), .grant(1, 1).with { $0.name = [0x61] }] }),
        BrokenRule("a failure without a code", "code", asking: .oneAnswer, { [.hello(), .failure(1, "")] }),
        BrokenRule("a barrier with a body", "barrier", { [.hello(), .request(1, "", body: [])] }),
        BrokenRule("a barrier that asks for many", "barrier", { [.hello(), .request(1, "", wantsMany: true)] }),
    ]

    private static let hellos = [
        BrokenRule("no hello, but a request", "hello", { [.request(1)] }),
        BrokenRule("no hello, but an event", "hello", { [.event()] }),
        BrokenRule("a second hello", "hello", { [.hello(), .hello()] }),
        BrokenRule("a hello of version 0", "version 0", { [.hello().with { $0.flags = 0 }] }),
        BrokenRule("a hello of version 128", "", { [.hello().with { $0.flags = 128 }] }),
        BrokenRule("a hello without a place", "0 places", { [.hello(places: 0)] }),
        BrokenRule("a hello with too small a window", "65535", { [.hello(window: 65_535)] }),
        BrokenRule("a hello with too many places", "places", { [.hello(places: 1 << 31)] }),
        BrokenRule("a hello with too large a window", "window", { [.hello(window: 1 << 63)] }),
        BrokenRule("a hello with a body", "body", { [.hello().with { $0.body = 2 }] }),
    ]

    private static let requests = [
        BrokenRule("a request with the id 0", "id", { [.hello(), .request(0)] }),
        BrokenRule("a request with an id that was used before", "ids", { [.hello(), .request(5), .request(5)] }),
        BrokenRule("a request with a lower id", "ids", { [.hello(), .request(5), .request(4)] }),
        BrokenRule(
            "a request more than there are places", "places",
            { [.hello()] + (1...5).map { .request($0, "wait") } }),
        BrokenRule(
            "a request beyond the window", "window",
            { [.hello(), .request(1, "wait", body: [UInt8](repeating: 0, count: 70_000)), .request(2)] }),
        BrokenRule(
            "an event beyond the window", "window",
            { [.hello(), .request(1, "wait", body: [UInt8](repeating: 0, count: 70_000)), .event()] }),
        BrokenRule("a cancel of what never came", "never", { [.hello(), .request(1), .cancel(2)] }),
    ]

    private static let answers = [
        BrokenRule("a result that no request waits for", "none", { [.hello(), .result(1)] }),
        BrokenRule("a failure that no request waits for", "none", { [.hello(), .failure(1)] }),
        BrokenRule("an element that no request waits for", "none", { [.hello(), .element(1)] }),
        BrokenRule(
            "a second result", "none", asking: .oneAnswer, { [.hello(), .result(1), .result(1)] }),
        BrokenRule(
            "a failure behind a result", "none", asking: .oneAnswer, { [.hello(), .result(1), .failure(1)] }),
        BrokenRule(
            "an element behind a result", "none", asking: .manyAnswers, { [.hello(), .result(1), .element(1)] }),
        BrokenRule(
            "an element of a request for one answer", "one answer", asking: .oneAnswer, { [.hello(), .element(1)] }),
        BrokenRule(
            "an element beyond the window of its stream", "window", asking: .manyAnswers,
            { [.hello()] + [RawEnvelope](repeating: .element(1), count: 17) }),
    ]

    private static let grants = [
        BrokenRule("a grant of nothing", "nothing", { [.hello(), .grant(1, 0)] }),
        BrokenRule("a grant of an unknown kind", "flags", { [.hello(), .grant(4, 1)] }),
        BrokenRule("a grant of places to a request", "id", { [.hello(), .request(1), .grant(1, 1, of: 1)] }),
        BrokenRule("a grant to a stream that never came", "never", { [.hello(), .grant(3, 1, of: 1)] }),
        BrokenRule(
            "a grant to a request for one answer", "one answer",
            { [.hello(), .request(1, "wait"), .grant(3, 1, of: 1)] }),
        BrokenRule("too many places", "places", { [.hello(), .grant(1, 1 << 31 - 1)] }),
        BrokenRule(
            "too many bytes", "bytes", { [.hello(window: 1 << 63 - 1), .grant(2, .max)] }),
        BrokenRule(
            "too many elements", "elements",
            { [.hello(), .request(1, "wait", wantsMany: true), .grant(3, 1 << 31 - 1, of: 1)] }),
    ]

    private static let things = [
        BrokenRule("a port with a hello", "transferred", { [try .hello().bringing(port())] }),
        BrokenRule(
            "a port with a cancel", "transferred", { [.hello(), .request(1), try .cancel(1).bringing(port())] }),
        BrokenRule("a port with a grant", "transferred", { [.hello(), try .grant(1, 1).bringing(port())] }),
        BrokenRule("a port with a barrier", "barrier", { [.hello(), try .request(1, "").bringing(port())] }),
        BrokenRule("a lane without a port", "lane", { [.hello(), .lane()] }),
        BrokenRule("a lane with two ports", "lane", { [.hello(), try .lane(port(), port())] }),
        BrokenRule(
            "a lane with memory in place of a port", "lane", { [.hello(), .lane(.buffer(try SharedBuffer(count: 1)))] }),
        BrokenRule("a lane with a body", "lane", { [.hello(), try .lane(port()).with { $0.body = 1 }] }),
        BrokenRule("a second lane", "lane", { [.hello(), try .lane(port()), try .lane(port())] }),
    ]

    private static func port() throws -> Transferable { .port(try MessageChannel().port1) }
}
