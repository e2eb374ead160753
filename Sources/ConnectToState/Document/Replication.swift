/// A document and its lines to other replicas: what has to be sent where when something is written, or has come.
///
/// A line is first in, first out. On it each side says which operations it knows, gets what it lacks, and from then on
/// every operation that the other side learns of: so there is no gap between the two.
struct Replication: Sendable {
    private(set) var document: Document
    private var lines: [Int: Line] = [:]

    init(_ document: Document) {
        self.document = document
    }

    private struct Line: Sendable {
        /// Whether the other side has what it lacked, and gets each operation as it comes.
        var isLive = false
        /// What the other side has said to know, or will know when what was sent has arrived.
        var known = VersionVector()
    }

    enum Message: Hashable, Sendable {
        /// Comes first: what the sender knows.
        case hello(VersionVector)
        case delta(Delta)
        /// A transaction.
        case operations([Operation])
        /// A transaction of texts.
        case edits([TextOperation])
    }

    /// What to send, in this order, and what has changed in the view.
    struct Effects {
        var messages: [(line: Int, message: Message)] = []
        var changes: [ViewChange] = []
        var textChanges: [TextChange] = []
    }

    /// Begins with a line to another replica.
    mutating func open(_ line: Int) -> Effects {
        lines[line] = Line()
        return Effects(messages: [(line, .hello(document.vector))])
    }

    mutating func close(_ line: Int) {
        lines[line] = nil
    }

    mutating func write(_ writes: [(path: StatePath, value: StateValue?)], now: UInt64) -> Effects {
        let written = document.write(writes, now: now)
        return Effects(messages: forward(written.operations), changes: written.changes)
    }

    /// Replaces what is between two UTF-16 offsets of a text.
    mutating func edit(_ text: StateKey, _ range: Range<Int>, with string: String) -> Effects {
        let written = document.edit(text, range, with: string)
        return Effects(messages: forward(written.operations), textChanges: written.changes)
    }

    /// - Throws: ``StateViolation``: the line has to end, and the document is as it was.
    mutating func receive(_ message: Message, from line: Int) throws(StateViolation) -> Effects {
        guard lines[line] != nil else { return Effects() }
        switch message {
        case .hello(let vector):
            if vector[document.replica] > document.vector[document.replica] { throw .sameReplica }
            lines[line]?.known.formUnion(vector)
            return Effects(messages: [answer(line, lacking: vector)])
        case .operations(let operations):
            let applied = try document.apply(operations)
            for operation in operations { lines[line]?.known.insert(operation.dot) }
            return Effects(messages: forward(applied.operations, except: line), changes: applied.changes)
        case .edits(let operations):
            let applied = try document.apply(operations)
            for operation in operations { lines[line]?.known.insert(operation.lastDot) }
            return Effects(
                messages: forward(applied.operations, except: line), textChanges: applied.changes)
        case .delta(let delta):
            let joined = try document.join(delta)
            lines[line]?.known.formUnion(delta.vector)
            var effects = Effects(changes: joined.changes, textChanges: joined.textChanges)
            // What has come is not known operation by operation, so the others get a difference too.
            if joined.grew {
                for (other, state) in lines where other != line && state.isLive {
                    effects.messages.append(answer(other, lacking: state.known))
                }
            }
            return effects
        }
    }

    mutating func forgetRemovals(keeping count: Int) {
        document.forgetRemovals(keeping: count)
    }

    private mutating func answer(_ line: Int, lacking known: VersionVector) -> (Int, Message) {
        lines[line]?.isLive = true
        lines[line]?.known.formUnion(document.vector)
        return (line, .delta(document.delta(since: known)))
    }

    private mutating func forward(_ operations: [Operation], except sender: Int? = nil) -> [(Int, Message)] {
        operations.isEmpty ? [] : forward(.operations(operations), except: sender)
    }

    private mutating func forward(_ operations: [TextOperation], except sender: Int? = nil) -> [(Int, Message)] {
        operations.isEmpty ? [] : forward(.edits(operations), except: sender)
    }

    /// - Parameter transaction: a new one, with which the document is as it is.
    private mutating func forward(_ transaction: Message, except sender: Int? = nil) -> [(Int, Message)] {
        let live = lines.keys.filter { $0 != sender && lines[$0]?.isLive == true }
        for line in live { lines[line]?.known.formUnion(document.vector) }
        return live.map { ($0, transaction) }
    }
}
