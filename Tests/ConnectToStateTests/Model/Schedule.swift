@testable import ConnectToState

/// Replicas and the lines between them, to which the steps happen that the model has made. What is sent waits until it
/// is delivered.
struct Schedule {
    private var replicas: [Int: Replication] = [:]
    private var waiting: [Way: [Replication.Message]] = [:]
    /// What a user sees who has the view at the beginning and hears of each change.
    private var replayed: [Int: [StatePath: StateValue]] = [:]

    private struct Way: Hashable {
        let sender: Int
        let receiver: Int
    }

    static let joinRule = ConflictRule.custom { values in
        .string(values.map { StateText.value($0) }.joined(separator: "+"))
    }

    mutating func add(_ name: Int, rule: ConflictRule) {
        replicas[name] = Replication(Document(replica: ReplicaID(UInt128(name)), rule: rule))
        replayed[name] = [:]
    }

    mutating func remove(_ name: Int) {
        replicas[name] = nil
        replayed[name] = nil
    }

    mutating func connect(_ one: Int, _ other: Int) {
        for (here, there) in [(one, other), (other, one)] {
            waiting[Way(sender: here, receiver: there)] = []
            if let effects = replicas[here]?.open(there) { take(effects, of: here) }
        }
    }

    mutating func cut(_ one: Int, _ other: Int) {
        for (here, there) in [(one, other), (other, one)] {
            waiting[Way(sender: here, receiver: there)] = nil
            replicas[here]?.close(there)
        }
    }

    mutating func set(_ name: Int, _ path: StatePath, _ value: StateValue?) {
        if let effects = replicas[name]?.write([(path, value)], now: 0) { take(effects, of: name) }
    }

    mutating func forget(_ name: Int, keeping count: Int) {
        replicas[name]?.forgetRemovals(keeping: count)
    }

    mutating func deliver(_ sender: Int, _ receiver: Int) throws {
        guard let message = waiting[Way(sender: sender, receiver: receiver)]?.removeFirst() else { return }
        if let effects = try replicas[receiver]?.receive(message, from: sender) { take(effects, of: receiver) }
    }

    private mutating func take(_ effects: Replication.Effects, of name: Int) {
        for (line, message) in effects.messages { waiting[Way(sender: name, receiver: line)]?.append(message) }
        for change in effects.changes {
            if replayed[name]?[change.path] != change.old { replayed[name]?["a change began with another value"] = nil }
            replayed[name]?[change.path] = change.new
        }
    }

    func document(_ name: Int) -> Document? { replicas[name]?.document }

    /// What the view is by the changes that were told.
    func replayedView(_ name: Int) -> String {
        StateText.view(replayed[name] ?? [:])
    }
}
