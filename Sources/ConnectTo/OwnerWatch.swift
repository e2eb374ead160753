import DBus
import LinuxIO

/// Who owns which name, as it changes. On the loop.
actor OwnerWatch {
    struct Change: Sendable, Equatable {
        let name: String
        let oldOwner: String?
        let newOwner: String?
    }

    enum Event: Sendable {
        case changed(Change)
        /// The bus is gone; nothing more will come.
        case lost(DBusError)
    }

    enum Scope: Sendable {
        case name(String)
        /// Everything below a name, itself included.
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
    private var subscribers: [UInt64: (scope: Scope, handler: @Sendable (Event) -> Void)] = [:]
    private var nextID: UInt64 = 0
    private var isListening = false

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        connection.reactor.asUnownedSerialExecutor()
    }

    init(_ connection: BusConnection) {
        self.connection = connection
    }

    /// Calls a closure on the loop for every change, in the bus's order, and once when the bus is lost; in
    /// force once this has returned.
    ///
    /// The closure must not wait. A subscription that is not wanted any more is to be ended with
    /// ``unsubscribe(_:)``.
    func subscribe(
        _ scope: Scope, _ handler: @escaping @Sendable (Event) -> Void
    ) async throws(DBusError) -> Subscription {
        if !isListening {
            isListening = true
            _ = await connection.onSignal { [weak self] signal in
                self?.assumeIsolated { $0.didReceive(signal) }
            }
            await connection.onDisconnect { [weak self] error in
                self?.assumeIsolated { $0.end(error) }
            }
        }
        nextID += 1
        let subscription = Subscription(id: nextID)
        subscribers[subscription.id] = (scope, handler)
        do throws(DBusError) {
            try await connection.addMatch(scope.rule)
        } catch {
            subscribers[subscription.id] = nil
            throw error
        }
        return subscription
    }

    func unsubscribe(_ subscription: Subscription) async {
        guard let (scope, _) = subscribers.removeValue(forKey: subscription.id) else { return }
        await connection.removeMatch(scope.rule)
    }

    private func didReceive(_ signal: Signal) {
        guard signal.sender == BusName.bus, signal.member == "NameOwnerChanged",
            signal.interface == BusName.busInterface, signal.body.count == 3,
            case .string(let name) = signal.body[0], case .string(let old) = signal.body[1],
            case .string(let new) = signal.body[2]
        else { return }
        let change = Change(
            name: name, oldOwner: old.isEmpty ? nil : old, newOwner: new.isEmpty ? nil : new)
        for (scope, handler) in subscribers.values where scope.contains(name) { handler(.changed(change)) }
    }

    /// The bus is gone, or this process has left it.
    func end(_ error: DBusError) {
        let handlers = subscribers.values.map(\.handler)
        subscribers = [:]
        for handler in handlers { handler(.lost(error)) }
    }
}
