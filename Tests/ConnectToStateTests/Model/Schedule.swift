@testable import ConnectToState

/// Replicas and the lines between them, to which the steps happen that the model has made. What is sent waits until it
/// is delivered.
struct Schedule {
    private var replicas: [Int: Replication] = [:]
    /// As bytes, as a line has them.
    private var waiting: [Way: [[UInt8]]] = [:]
    /// What a user sees who has the view at the beginning and hears of each change.
    private var replayed: [Int: [StatePath: StateValue]] = [:]
    /// The same of texts.
    private var replayedTexts: [Int: [StateKey: [UInt16]]] = [:]

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
        replayedTexts[name] = [:]
    }

    mutating func remove(_ name: Int) {
        replicas[name] = nil
        replayed[name] = nil
        replayedTexts[name] = nil
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

    mutating func set(_ name: Int, _ path: StatePath, _ value: StateValue?) throws {
        if let effects = try replicas[name]?.write([(path, value)], now: 0) { take(effects, of: name) }
    }

    /// - Parameters:
    ///   - offset: in Unicode scalars, as the count of those that are replaced.
    mutating func edit(_ name: Int, _ text: String, _ offset: Int, _ count: Int, _ string: String) throws {
        let scalars = Array((document(name)?.texts[StateKey(text)]?.sequence.string ?? "").unicodeScalars)
        func utf16(_ end: Int) -> Int { scalars[..<end].reduce(0) { $0 + UTF16.width($1) } }
        let range = utf16(offset)..<utf16(offset + count)
        if let effects = try replicas[name]?.edit(StateKey(text), range, with: string) { take(effects, of: name) }
    }

    mutating func forget(_ name: Int, keeping count: Int) {
        replicas[name]?.forgetRemovals(keeping: count)
    }

    mutating func deliver(_ sender: Int, _ receiver: Int) throws {
        guard let bytes = waiting[Way(sender: sender, receiver: receiver)]?.removeFirst() else { return }
        let message = try Replication.Message(decoding: bytes)
        if let effects = try replicas[receiver]?.receive(message, from: sender) { take(effects, of: receiver) }
    }

    private mutating func take(_ effects: Replication.Effects, of name: Int) {
        for (lines, message) in effects.messages {
            for line in lines { waiting[Way(sender: name, receiver: line)]?.append(message.encoded()) }
        }
        for change in effects.changes {
            if replayed[name]?[change.path] != change.old { replayed[name]?["a change began with another value"] = nil }
            replayed[name]?[change.path] = change.new
        }
        for change in effects.textChanges {
            for edit in change.edits {
                replayedTexts[name]?[change.text, default: []]
                    .replaceSubrange(edit.offset..<edit.offset + edit.removed, with: edit.inserted.utf16)
            }
        }
    }

    func document(_ name: Int) -> Document? { replicas[name]?.document }

    /// What the view is by the changes that were told.
    func replayedView(_ name: Int) -> String {
        StateText.view(replayed[name] ?? [:])
    }

    /// Whether the edits that were told make the texts what they are.
    func areTextsToldAll(_ name: Int) -> Bool {
        document(name)?.texts.allSatisfy { text, state in
            (replayedTexts[name]?[text] ?? []) == Array(state.sequence.string.utf16)
        } ?? false
    }
}
