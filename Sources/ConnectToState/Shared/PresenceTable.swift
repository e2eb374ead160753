/// What replicas say of themselves just now, and over which line it has come.
///
/// Each replica counts what it says, and the greatest number wins. What has come over a line is gone with it, and the
/// others are told so; a replica that hears that it is gone, and is not, says it again with a greater number. So in a
/// ring, where there is a second way, it is back at once.
struct PresenceTable: Sendable {
    private struct Entry: Sendable {
        var number: UInt64
        var values: [String: StateValue]
        /// Nil: this replica.
        var line: Int?
    }

    private var entries: [ReplicaID: Entry] = [:]
    /// The greatest number of replicas that are gone: what still comes of them on other ways is old.
    private var gone: [ReplicaID: UInt64] = [:]
    private var goneOrder: [ReplicaID] = []

    /// Of how many replicas it is remembered that they are gone, at least.
    private static let remembered = 1_024
    /// How many replicas may be present, and how many bytes of JSON and names each may say.
    static let limit = 100_000
    static let bytes = 64 << 10

    /// What to tell, what to answer, and which replicas say something else now.
    struct Outcome {
        var news = PresenceMessage()
        var answer = PresenceMessage()
        var changed: Set<ReplicaID> = []
    }

    func values(of replica: ReplicaID) -> [String: StateValue]? { entries[replica]?.values }

    func others(than own: ReplicaID) -> [ReplicaID: [String: StateValue]] {
        entries.filter { $0.key != own }.mapValues(\.values)
    }

    /// All that is known, as a line begins with it.
    var everything: PresenceMessage {
        var message = PresenceMessage(isWhole: true)
        for (replica, entry) in entries { message.present.append(.init(replica, entry.number, entry.values)) }
        return message
    }

    /// This replica says something of itself.
    mutating func set(_ key: String, to value: StateValue?, of own: ReplicaID) -> PresenceMessage {
        var entry = entries[own] ?? Entry(number: gone[own] ?? 0, values: [:], line: nil)
        if entry.values[key] == value { return PresenceMessage() }
        entry.values[key] = value
        entry.number = Self.number(after: entry.number)
        entries[own] = entry
        return PresenceMessage(present: [.init(own, entry.number, entry.values)])
    }

    /// A peer may say that this replica is gone with any number: at the greatest it stands still, and what this replica
    /// says after that is not heard.
    private static func number(after number: UInt64) -> UInt64 { number == .max ? number : number + 1 }

    mutating func receive(
        _ message: PresenceMessage, from line: Int, own: ReplicaID
    ) throws(StateViolation) -> Outcome {
        var outcome = Outcome()
        if message.isWhole {
            let named = Set(message.present.map(\.replica.id))
            for (replica, entry) in entries where entry.line == line && !named.contains(replica) {
                remove(replica, entry.number, &outcome)
            }
        }
        for said in message.present {
            let replica = said.replica.id
            // It is this replica itself that knows better.
            if replica == own { continue }
            if let number = gone[replica], number >= said.number {
                outcome.answer.gone.append(.init(replica, number, nil))
                continue
            }
            if let entry = entries[replica], entry.number >= said.number { continue }
            guard let values = said.values else { throw StateViolation("a replica is present and says nothing") }
            if entries[replica] == nil, entries.count >= Self.limit {
                throw StateViolation("more than \(Self.limit) replicas are present")
            }
            entries[replica] = Entry(number: said.number, values: values, line: line)
            gone[replica] = nil
            outcome.news.present.append(said)
            outcome.changed.insert(replica)
        }
        for said in message.gone {
            let replica = said.replica.id
            if replica == own {
                guard var entry = entries[own], entry.number <= said.number else { continue }
                entry.number = Self.number(after: said.number)
                entries[own] = entry
                outcome.answer.present.append(.init(own, entry.number, entry.values))
                outcome.news.present.append(.init(own, entry.number, entry.values))
            } else if let entry = entries[replica], entry.number <= said.number {
                remove(replica, said.number, &outcome)
            }
        }
        return outcome
    }

    /// A line has ended.
    mutating func end(of line: Int) -> Outcome {
        var outcome = Outcome()
        for (replica, entry) in entries where entry.line == line { remove(replica, entry.number, &outcome) }
        return outcome
    }

    private mutating func remove(_ replica: ReplicaID, _ number: UInt64, _ outcome: inout Outcome) {
        entries[replica] = nil
        if gone.updateValue(number, forKey: replica) == nil { goneOrder.append(replica) }
        if goneOrder.count > 2 * Self.remembered {
            for old in goneOrder.prefix(Self.remembered) { gone[old] = nil }
            goneOrder.removeFirst(Self.remembered)
        }
        outcome.news.gone.append(.init(replica, number, nil))
        outcome.changed.insert(replica)
    }
}

/// What replicas tell each other of presence: JSON.
struct PresenceMessage: Codable, Sendable {
    struct Said: Codable, Sendable {
        let replica: ReplicaName
        let number: UInt64
        let values: [String: StateValue]?

        init(_ replica: ReplicaID, _ number: UInt64, _ values: [String: StateValue]?) {
            self.replica = ReplicaName(id: replica)
            self.number = number
            self.values = values
        }
    }

    /// A replica as 32 hexadecimal digits.
    struct ReplicaName: Codable, Sendable {
        let id: ReplicaID

        init(id: ReplicaID) {
            self.id = id
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            guard let number = UInt128(try container.decode(String.self), radix: 16) else {
                throw DecodingError.dataCorruptedError(
                    in: container, debugDescription: "a replica is 32 hexadecimal digits")
            }
            id = ReplicaID(number)
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(id.description)
        }
    }

    /// Whether these are all that the sender knows of, so that others that it has told are gone.
    var isWhole = false
    var present: [Said] = []
    var gone: [Said] = []

    var isEmpty: Bool { present.isEmpty && gone.isEmpty }

    enum CodingKeys: String, CodingKey {
        case isWhole = "whole"
        case present, gone
    }
}
