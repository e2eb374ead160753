@testable import ConnectToState

/// Replicas and lines between them on which what is sent arrives at once, as bytes, in the order of each line.
struct Network {
    private(set) var replicas: [Replication]
    private var waiting: [(sender: Int, receiver: Int, bytes: [UInt8])] = []
    /// What has arrived.
    private(set) var delivered: [(sender: Int, receiver: Int, message: Replication.Message, bytes: Int)] = []
    private(set) var audits: [Replication.AuditResult] = []

    init(_ documents: Document...) {
        replicas = documents.map { Replication($0) }
    }

    subscript(_ name: Int) -> Document { replicas[name].document }

    mutating func connect(_ one: Int, _ other: Int) throws {
        open(one, other)
        open(other, one)
        try run()
    }

    /// One side begins.
    mutating func open(_ name: Int, _ other: Int) {
        take(replicas[name].open(other), of: name)
    }

    mutating func cut(_ one: Int, _ other: Int) {
        replicas[one].close(other)
        replicas[other].close(one)
        waiting.removeAll { Set([$0.sender, $0.receiver]) == Set([one, other]) }
    }

    mutating func set(_ name: Int, _ path: StatePath, _ value: StateValue?, now: UInt64 = 0) throws {
        take(try replicas[name].write([(path, value)], now: now), of: name)
    }

    mutating func audit(_ name: Int, _ other: Int) throws {
        take(replicas[name].audit(other), of: name)
        try run()
    }

    mutating func replace(_ name: Int, by document: Document) {
        replicas[name] = Replication(document)
    }

    /// Loses what waits.
    mutating func lose() { waiting = [] }

    mutating func send(_ message: Replication.Message, from sender: Int, to receiver: Int) throws {
        waiting.append((sender, receiver, message.encoded()))
        try run()
    }

    /// Delivers until nothing waits.
    mutating func run() throws {
        while !waiting.isEmpty {
            let (sender, receiver, bytes) = waiting.removeFirst()
            let message = try Replication.Message(decoding: bytes)
            delivered.append((sender, receiver, message, bytes.count))
            take(try replicas[receiver].receive(message, from: sender), of: receiver)
        }
    }

    mutating func forgetDelivered() { delivered = [] }

    private mutating func take(_ effects: Replication.Effects, of name: Int) {
        for (lines, message) in effects.messages {
            for line in lines { waiting.append((name, line, message.encoded())) }
        }
        if let audit = effects.audit { audits.append(audit) }
    }
}

extension Document {
    /// Everything that replicas have to agree on, and what is shown of it.
    var text: String { StateText.text(latest: self, custom: self) }

    /// What the numbers have to be that are kept with each change, by a walk through the document.
    var countedTotals: Totals {
        var totals = Totals()
        root.forEach(from: StatePath()) { path, node in
            for (index, sibling) in node.siblings.enumerated() {
                totals.add(sibling, at: path, isFirst: index == 0)
            }
        }
        return totals
    }
}
