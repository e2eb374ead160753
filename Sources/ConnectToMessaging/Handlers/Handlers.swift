import ConnectTo
import Synchronization

/// The handlers of one or many lines, by type. They outlive the lines.
final class Handlers: Sendable {
    typealias RequestHandler = @Sendable (Payload, ServedCall, CallContext) async -> Void
    typealias EventHandler = @Sendable (Payload, CallContext) async -> Void

    private struct State {
        var requests: [String: (token: UInt64, handler: RequestHandler)] = [:]
        var events: [String: [(token: UInt64, handler: EventHandler)]] = [:]
        var unknown: (@Sendable (_ type: String, Payload) -> Void)?
        var lastToken: UInt64 = 0
    }

    private let state = Mutex(State())

    func request(_ type: String) -> RequestHandler? {
        state.withLock { $0.requests[type]?.handler }
    }

    /// All handlers of an event's type, as one.
    func event(_ type: String) -> EventHandler? {
        let handlers = state.withLock { $0.events[type]?.map(\.handler) } ?? []
        if handlers.count == 1 { return handlers[0] }
        if handlers.isEmpty { return nil }
        return { payload, context in
            for handler in handlers { await handler(payload, context) }
        }
    }

    func unknown(_ type: String, _ payload: Payload) {
        state.withLock(\.unknown)?(type, payload)
    }

    func onUnknown(_ handler: (@Sendable (String, Payload) -> Void)?) {
        state.withLock { $0.unknown = handler }
    }

    /// Sets the handler of a type of requests, in place of the one before.
    func set(_ type: String, _ handler: @escaping RequestHandler) -> Subscription {
        let token = state.withLock { state in
            state.lastToken += 1
            state.requests[type] = (state.lastToken, handler)
            return state.lastToken
        }
        return Subscription { [weak self] in
            self?.state.withLock { state in
                if state.requests[type]?.token == token { state.requests[type] = nil }
            }
        }
    }

    /// Adds a handler of a type of events.
    func add(_ type: String, _ handler: @escaping EventHandler) -> Subscription {
        let token = state.withLock { state in
            state.lastToken += 1
            state.events[type, default: []].append((state.lastToken, handler))
            return state.lastToken
        }
        return Subscription { [weak self] in
            self?.state.withLock { state in
                state.events[type]?.removeAll { $0.token == token }
                if state.events[type]?.isEmpty == true { state.events[type] = nil }
            }
        }
    }
}

/// A handler that has been set.
public struct Subscription: Sendable {
    private let remove: @Sendable () -> Void

    init(_ remove: @escaping @Sendable () -> Void) {
        self.remove = remove
    }

    /// Removes the handler. One that is running runs to its end. Does nothing a second time.
    ///
    /// Dropping the subscription removes nothing: a handler lives as long as the messenger or hub that it was given to.
    public func cancel() {
        remove()
    }
}
