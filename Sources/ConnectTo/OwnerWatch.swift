import ConnectToDBus
import ConnectToLinux

/// Tells subscribers which connection owns which name, as that changes. On the loop.
actor OwnerWatch {
    struct Change: Sendable, Equatable {
        let name: String
        let oldOwner: String?
        let newOwner: String?
    }

    enum Event: Sendable {
        case changed(Change)
        /// The bus has been away, and changes meanwhile were not seen. These are the names on the bus now; changes
        /// follow on them without a gap.
        case returned(names: [String])
        /// No more events will come: the bus is gone, or does not allow the subscription any more.
        case lost(DBusError)
    }

    enum Scope: Sendable {
        case name(String)
        /// All names below a name, and that name.
        case namespace(String)
        case all

        var rule: MatchRule {
            switch self {
            case .name(let name): .nameOwnerChanged(name: name)
            case .namespace(let namespace): .nameOwnerChanged(namespace: namespace)
            case .all: .nameOwnerChanged()
            }
        }

        func contains(_ name: String) -> Bool {
            switch self {
            case .name(let own): own == name
            case .namespace(let own): own == name || name.hasPrefix(own + ".")
            case .all: true
            }
        }
    }

    struct Subscription: Sendable {
        fileprivate let id: UInt64
    }

    private let connection: BusConnection
    private var subscribers: [UInt64: Subscriber] = [:]
    private var nextID: UInt64 = 0
    private var isListening = false
    /// Why names cannot be watched any more.
    private var end: DBusError?

    private struct Subscriber {
        let scope: Scope
        let handler: @Sendable (Event) -> Void
        /// Whether the bus has gone and is not back.
        var isInterrupted = false
        /// Whether the connection counts a use of the match rule for this subscriber.
        var hasRule = true
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        connection.reactor.asUnownedSerialExecutor()
    }

    init(_ connection: BusConnection) {
        self.connection = connection
    }

    /// Calls a closure on the loop for every change, in the bus's order. The subscription is in force once this has
    /// returned or, while the bus is away, once it is back; then the first event is ``Event/returned(names:)``.
    ///
    /// The closure must not wait. End a subscription that is not wanted any more with ``unsubscribe(_:)``.
    func subscribe(
        _ scope: Scope, _ handler: @escaping @Sendable (Event) -> Void
    ) async throws(DBusError) -> Subscription {
        if !isListening {
            isListening = true
            await connection.onSignal { [weak self] signal in
                self?.assumeIsolated { $0.didReceive(signal) }
            }
        }
        if let end { throw end }
        nextID += 1
        let subscription = Subscription(id: nextID)
        subscribers[subscription.id] = Subscriber(scope: scope, handler: handler)
        do throws(DBusError) {
            try await connection.addMatch(scope.rule)
        } catch {
            if error.kind == .offline || error.kind == .disconnected, end == nil {
                interrupt(subscription.id)
                return subscription
            }
            subscribers[subscription.id] = nil
            throw error
        }
        return subscription
    }

    func unsubscribe(_ subscription: Subscription) async {
        guard let subscriber = subscribers.removeValue(forKey: subscription.id), subscriber.hasRule else { return }
        await connection.removeMatch(subscriber.scope.rule)
    }

    private func didReceive(_ signal: Signal) {
        guard signal.sender == BusName.bus, signal.member == "NameOwnerChanged",
            signal.interface == BusName.busInterface, signal.body.count == 3,
            case .string(let name) = signal.body[0], case .string(let old) = signal.body[1],
            case .string(let new) = signal.body[2]
        else { return }
        let change = Change(
            name: name, oldOwner: old.isEmpty ? nil : old, newOwner: new.isEmpty ? nil : new)
        for subscriber in subscribers.values where !subscriber.isInterrupted {
            if subscriber.scope.contains(name) { subscriber.handler(.changed(change)) }
        }
    }

    // MARK: The bus goes and comes back

    /// To be called when the bus has gone, and the match rules with it.
    func interrupt() {
        for id in subscribers.keys { interrupt(id) }
    }

    private func interrupt(_ id: UInt64) {
        subscribers[id]?.isInterrupted = true
        subscribers[id]?.hasRule = false
    }

    /// Subscribes again, and tells the subscribers which names are on the bus now.
    func restore() async {
        let interrupted = subscribers.filter(\.value.isInterrupted)
        if interrupted.isEmpty { return }
        for id in interrupted.keys { subscribers[id]?.hasRule = true }
        await withCheckedContinuation { continuation in
            connection.assumeIsolated { connection in
                for (id, subscriber) in interrupted {
                    connection.addMatch(subscriber.scope.rule) { [weak self] result in
                        if case .failure(let error) = result {
                            self?.assumeIsolated { $0.didRefuse(id, error) }
                        }
                    }
                }
                // The bus answers in order: when this answer is here, so are those to the match rules.
                connection.call(.toBus("ListNames"), deadline: BusConnection.busDeadline) { [weak self] in
                    let result = $0
                    self?.assumeIsolated { $0.didReturn(interrupted.keys, result) }
                    continuation.resume()
                }
            }
        }
    }

    private func didReturn(
        _ interrupted: some Collection<UInt64>, _ result: Result<Reply, DBusError>
    ) {
        switch result {
        case .success(let reply):
            var names: [String] = []
            if case .array(_, let items)? = reply.body.first {
                names = items.compactMap { if case .string(let name) = $0 { name } else { nil } }
            }
            for id in interrupted {
                subscribers[id]?.isInterrupted = false
                subscribers[id]?.handler(.returned(names: names))
            }
        case .failure(let error): for id in interrupted { didRefuse(id, error) }
        }
    }

    private func didRefuse(_ id: UInt64, _ error: DBusError) {
        // The bus has gone once more: the next `restore()` subscribes.
        if error.kind == .disconnected || error.kind == .offline { return }
        subscribers.removeValue(forKey: id)?.handler(.lost(error))
    }

    /// To be called when the bus is gone for good, or this process has left it.
    func end(_ error: DBusError) {
        end = error
        let handlers = subscribers.values.map(\.handler)
        subscribers = [:]
        for handler in handlers { handler(.lost(error)) }
    }
}
