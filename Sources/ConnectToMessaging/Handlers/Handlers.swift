import ConnectTo
import ConnectToLinux
import Glibc

/// Where requests and events are handled: a ``Messenger``, a ``Hub``, or ``Handlers`` by themselves.
public protocol CallHandling: Sendable {
    /// The handlers, by type.
    var handlers: Handlers { get }
}

/// What a program does with the requests and events of one line or of many.
///
/// Handlers outlive lines: a program that connects again gives the same ones to its next ``Messenger``.
///
/// ```swift
/// let handlers = Handlers()
/// handlers.on(Dashboard.themeChange) { theme, _ in apply(theme) }
/// for try await event in context.connectEvents {
///     messengers.append(Messenger(event.source, peer: event.peer, handlers: handlers))
/// }
/// ```
///
/// Handlers start in the order in which requests and events have arrived on a line, on Swift's pool of threads. One
/// that does not wait (a closure without `await`) has returned before the next starts; those that wait run at the same
/// time, unless they were set to run ``HandlerOrder/oneAtATime``. Nothing that a handler does keeps answers from being
/// read; but one that computes for long keeps the next from starting, so it should do that in a task of its own.
public final class Handlers: CallHandling {
    /// A handler of requests, which answers through the call.
    enum RequestHandler: Sendable {
        case direct(@Sendable (Payload, ServedCall, CallContext) -> Void)
        case waiting(@Sendable (Payload, ServedCall, CallContext) async -> Void)
    }

    /// A handler of events.
    enum EventHandler: Sendable {
        case direct(@Sendable (Payload, CallContext) -> Void)
        case waiting(@Sendable (Payload, CallContext) async -> Void)
    }

    private struct State {
        var requests: [String: (token: UInt64, handler: RequestHandler)] = [:] {
            didSet { lastRequest = nil }
        }
        var events: [String: (tokens: [UInt64], handlers: [EventHandler])] = [:] {
            didSet { lastEvent = nil }
        }
        /// What was looked for last: requests and events of one type come in a row.
        var lastRequest: (type: String, handler: RequestHandler)?
        var lastEvent: NamedEvent?
        var unknown: (@Sendable (_ type: String, Payload, CallContext) -> Void)?
        var router: (any CallRouter)?
        var lastToken: UInt64 = 0

        func event(_ type: String) -> [EventHandler] {
            if let own = events[type] { return own.handlers }
            // Types that begin with @ belong to the protocol.
            if type.utf8.first == UInt8(ascii: "@") { return [] }
            return events[Handlers.unknownType]?.handlers ?? []
        }

        mutating func makeToken() -> UInt64 {
            lastToken += 1
            return lastToken
        }
    }

    private let state = Lock(State())

    /// Makes handlers for no type yet.
    public init() {}

    public var handlers: Handlers { self }

    // MARK: Finding

    /// The type under which the handlers of unknown types are kept: no request or event has it.
    static let unknownType = ""

    func request(_ type: String) -> RequestHandler? {
        state.withLock { state in
            if let last = state.lastRequest, last.type == type { return last.handler }
            if let own = state.requests[type] {
                state.lastRequest = (type, own.handler)
                return own.handler
            }
            // Types that begin with @ belong to the protocol.
            if state.events[type] != nil || type.utf8.first == UInt8(ascii: "@") { return nil }
            return state.requests[Self.unknownType]?.handler
        }
    }

    /// All handlers of an event's type, in the order in which they were added.
    func event(_ type: String) -> [EventHandler] {
        state.withLock { $0.event(type) }
    }

    /// What the name of an event on the wire means.
    final class NamedEvent: Sendable {
        private let name: [UInt8]
        let type: Addressed
        /// In the order in which they were added.
        let handlers: [EventHandler]

        fileprivate init(_ name: UnsafeRawBufferPointer, _ type: Addressed, _ handlers: [EventHandler]) {
            self.name = Array(name)
            self.type = type
            self.handlers = handlers
        }

        fileprivate func isNamed(_ name: UnsafeRawBufferPointer) -> Bool {
            guard let start = name.baseAddress, name.count == self.name.count else { return false }
            return memcmp(self.name, start, name.count) == 0
        }
    }

    /// - Parameter name: UTF-8, as it came.
    func event(named name: UnsafeRawBufferPointer) -> NamedEvent {
        state.withLock { state in
            // Where it is the same as before, no string is made of it, and nothing is looked up.
            if let last = state.lastEvent, last.isNamed(name) { return last }
            let type = Addressed(String(decoding: name, as: UTF8.self))
            let event = NamedEvent(name, type, state.event(type.type))
            state.lastEvent = event
            return event
        }
    }

    func unknown(_ type: String, _ payload: Payload, _ context: CallContext) {
        state.withLock(\.unknown)?(type, payload, context)
    }

    /// What passes on requests and events that are meant for another peer; nil where this is not a hub.
    var router: (any CallRouter)? {
        get { state.withLock(\.router) }
        set { state.withLock { $0.router = newValue } }
    }

    // MARK: Setting

    /// Sets the handler of a type of requests, in place of the one before.
    func set(_ type: String, _ handler: RequestHandler) -> Subscription {
        let token = state.withLock { state in
            let token = state.makeToken()
            state.requests[type] = (token, handler)
            return token
        }
        return Subscription { [weak self] in
            self?.state.withLock { state in
                if state.requests[type]?.token == token { state.requests[type] = nil }
            }
        }
    }

    /// Adds a handler of a type of events.
    func add(_ type: String, _ handler: EventHandler) -> Subscription {
        let token = state.withLock { state in
            let token = state.makeToken()
            state.events[type, default: ([], [])].tokens.append(token)
            state.events[type]?.handlers.append(handler)
            return token
        }
        return Subscription { [weak self] in
            self?.state.withLock { state in
                guard let index = state.events[type]?.tokens.firstIndex(of: token) else { return }
                state.events[type]?.tokens.remove(at: index)
                state.events[type]?.handlers.remove(at: index)
                if state.events[type]?.tokens.isEmpty == true { state.events[type] = nil }
            }
        }
    }

    func setUnknown(_ handler: (@Sendable (_ type: String, Payload, CallContext) -> Void)?) {
        state.withLock { $0.unknown = handler }
    }
}

/// Passes on what a line's peer has addressed to another peer (`dbus/CALLS.md`, section 10).
protocol CallRouter: AnyObject, Sendable {
    func route(_ payload: Payload, of call: ServedCall, to address: String, _ context: CallContext) async
    func route(_ payload: Payload, ofEvent type: String, to address: String, _ context: CallContext)
}
