/// A document and its lines to other replicas: what has to be sent where when something is written, or has come.
///
/// A line is first in, first out. On it each side says what it knows, gets what it lacks, and from then on every
/// operation that the other side learns of: so there is no gap between the two.
struct Replication: Sendable {
    private(set) var document: Document
    private var lines: [Int: Line] = [:]

    init(_ document: Document) {
        self.document = document
    }

    private struct Line: Sendable {
        /// Whether the other side has what it lacked, and gets each operation as it comes.
        var isLive = false
        /// Whether the other side has been told in full what this one knows: it is only where the two differ.
        var hasSentVector = false
        /// What the other side has said to know, or will know when what was sent has arrived.
        var known = VersionVector()
        /// What was known here when the other side was last asked whether it has the same.
        var audited: UInt64?
    }

    typealias Messages = [(lines: [Int], message: Message)]

    /// What to send, in this order, what was applied and what has changed in the view.
    struct Effects {
        /// A message may go to several lines, so that it is encoded once.
        var messages: Messages = []
        /// What is new in the document; nil where nothing is.
        var applied: Applied?
        var changes: [ViewChange] = []
        var textChanges: [TextChange] = []
        /// What an audit has found.
        var audit: AuditResult?
    }

    /// What a document has learned, as it is kept in a file.
    enum Applied {
        case operations([Operation])
        case edits([TextOperation])
        case delta(Delta)
    }

    // MARK: Lines

    /// Begins with a line to another replica, or begins anew.
    mutating func open(_ line: Int) -> Effects {
        lines[line] = Line()
        return Effects(messages: [([line], hello(begins: true))])
    }

    mutating func close(_ line: Int) {
        lines[line] = nil
    }

    /// Sends nothing more on a line whose other side takes too little.
    mutating func pause(_ line: Int) {
        lines[line]?.isLive = false
    }

    /// The other side has taken what was sent before a pause: it gets what it lacks, and each operation from now on.
    mutating func resume(_ line: Int) -> Effects {
        Effects(messages: answer(line))
    }

    /// Asks the other side whether it holds the same: ``Effects/audit`` says so when the answer comes.
    mutating func audit(_ line: Int) -> Effects {
        guard lines[line] != nil else { return Effects() }
        lines[line]?.audited = document.vector.fingerprint
        return Effects(messages: [([line], .audit(Audit(document, wantsAnswer: true)))])
    }

    // MARK: Writing

    /// - Throws: ``StateViolation``: the values would be more than the limits allow. Nothing is changed.
    mutating func write(
        _ writes: [(path: StatePath, value: StateValue?)], now: UInt64
    ) throws(StateViolation) -> Effects {
        send(try document.write(writes, now: now))
    }

    /// Ends a transaction that was begun with the document as it is.
    mutating func commit(_ writing: consuming Writing) -> Effects {
        send(document.commit(writing))
    }

    private mutating func send(_ written: WrittenTransaction) -> Effects {
        if written.operations.isEmpty { return Effects() }
        return Effects(
            messages: forward(written.operations), applied: .operations(written.operations), changes: written.changes)
    }

    /// Replaces what is between two UTF-16 offsets of a text.
    ///
    /// - Throws: ``StateViolation``: the text would be larger than the limits allow. Nothing is changed.
    mutating func edit(
        _ text: StateKey, _ range: Range<Int>, with string: String
    ) throws(StateViolation) -> Effects {
        let written = try document.edit(text, range, with: string)
        if written.operations.isEmpty { return Effects() }
        return Effects(
            messages: forward(written.operations), applied: .edits(written.operations), textChanges: written.changes)
    }

    mutating func forgetRemovals(keeping count: Int) {
        document.forgetRemovals(keeping: count)
    }

    // MARK: Hearing from others

    /// - Throws: ``StateViolation``: the line has to end, and the document is as it was.
    mutating func receive(_ message: Message, from line: Int) throws(StateViolation) -> Effects {
        guard lines[line] != nil else { return Effects() }
        switch message {
        case .hello(let hello): return try receive(hello, from: line)
        case .vector(let vector): return try receive(vector, from: line)
        case .operations(let operations):
            let applied = try document.apply(operations)
            for operation in operations { lines[line]?.known.insert(operation.dot) }
            if applied.operations.isEmpty { return Effects() }
            return Effects(
                messages: forward(applied.operations, except: line), applied: .operations(applied.operations),
                changes: applied.changes)
        case .edits(let operations):
            let applied = try document.apply(operations)
            for operation in operations { lines[line]?.known.insert(operation.lastDot) }
            if applied.operations.isEmpty { return Effects() }
            return Effects(
                messages: forward(applied.operations, except: line), applied: .edits(applied.operations),
                textChanges: applied.changes)
        case .delta(let delta): return try receive(delta, from: line)
        case .audit(let audit): return receive(audit, from: line)
        }
    }

    private mutating func receive(_ hello: Hello, from line: Int) throws(StateViolation) -> Effects {
        if hello.replica == document.replica { throw .sameReplica }
        var effects = Effects()
        if hello.begins {
            lines[line] = Line()
            effects.messages.append(([line], self.hello(begins: false)))
        }
        if hello.vector == document.vector.fingerprint {
            lines[line]?.known.formUnion(document.vector)
            lines[line]?.isLive = true
        } else {
            effects.messages += vector(line)
        }
        return effects
    }

    /// The other side has seen that the two differ, so it needs to know what is known here: it may have seen it alone.
    private mutating func receive(_ vector: VersionVector, from line: Int) throws(StateViolation) -> Effects {
        if vector[document.replica] > document.vector[document.replica] { throw .sameReplica }
        try document.limits.check(vector)
        lines[line]?.known.formUnion(vector)
        let own = self.vector(line)
        return Effects(messages: own + (lines[line]?.isLive == true ? [] : answer(line)))
    }

    private mutating func receive(_ delta: Delta, from line: Int) throws(StateViolation) -> Effects {
        let joined = try document.join(delta)
        lines[line]?.known.formUnion(delta.vector)
        var effects = Effects(
            applied: joined.isNew ? .delta(delta) : nil, changes: joined.changes, textChanges: joined.textChanges)
        // What has come is not known operation by operation, so the others get a difference too.
        if joined.grew {
            for (other, state) in lines where other != line && state.isLive { effects.messages += answer(other) }
        }
        return effects
    }

    private mutating func receive(_ audit: Audit, from line: Int) -> Effects {
        var effects = Effects()
        let own = Audit(document, wantsAnswer: false)
        if audit.wantsAnswer { effects.messages.append(([line], .audit(own))) }
        if own.vector == audit.vector {
            effects.audit = own.values == audit.values ? .same : .differentValues
            if own.values != audit.values { effects.messages.append(([line], .delta(document.completeDelta()))) }
        } else if !audit.wantsAnswer, lines[line]?.audited == own.vector {
            // All that the other side had sent before its answer is here, and the other way round, and yet they differ.
            effects.audit = .differentOperations
            effects.messages += open(line).messages
        } else if !audit.wantsAnswer {
            effects.audit = .busy
        }
        return effects
    }

    // MARK: Sending

    private func hello(begins: Bool) -> Message {
        .hello(Hello(replica: document.replica, vector: document.vector.fingerprint, begins: begins))
    }

    private mutating func vector(_ line: Int) -> Messages {
        guard lines[line]?.hasSentVector == false else { return [] }
        lines[line]?.hasSentVector = true
        return [([line], .vector(document.vector))]
    }

    /// What the other side lacks, and it is live from now on.
    private mutating func answer(_ line: Int) -> Messages {
        guard let known = lines[line]?.known else { return [] }
        lines[line]?.isLive = true
        if known.covers(document.vector) { return [] }
        lines[line]?.known.formUnion(document.vector)
        return [([line], .delta(document.delta(since: known)))]
    }

    private mutating func forward(_ operations: [Operation], except sender: Int? = nil) -> Messages {
        forward(.operations(operations), operations.map(\.dot), except: sender)
    }

    private mutating func forward(_ edits: [TextOperation], except sender: Int? = nil) -> Messages {
        forward(.edits(edits), edits.map(\.lastDot), except: sender)
    }

    private mutating func forward(_ transaction: Message, _ dots: [Dot], except sender: Int?) -> Messages {
        let live = lines.keys.filter { $0 != sender && lines[$0]?.isLive == true }
        for line in live {
            for dot in dots { lines[line]?.known.insert(dot) }
        }
        return live.isEmpty ? [] : [(live, transaction)]
    }
}
