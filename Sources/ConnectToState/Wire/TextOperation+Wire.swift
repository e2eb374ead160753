/// The bits of the byte that an edit or a piece of a text begins with.
enum TextFlags {
    /// Of a piece: its characters are gone. Of an edit: it removes.
    static let gone: UInt8 = 1
    static let left: UInt8 = 2
    /// Of a piece: 0 for the dot after the last piece's, 1 for a later one of the same replica, 2 for another replica.
    static let dotShift: UInt8 = 2
    static let parentShift: UInt8 = 4
    /// Of a piece: how long it is, up to 3.
    static let lengthShift: UInt8 = 6
    /// Of an edit: its dot is the one after the last edit's, and its text the last one's.
    static let follows: UInt8 = 4
}

/// How the parent of a character is written.
enum TextParent: UInt8 {
    /// The beginning of the text.
    case none = 0
    /// The dot before.
    case previous = 1
    /// Another one of the same replica.
    case same = 2
    case other = 3

    init(_ parent: Dot?, of dot: Dot) {
        guard let parent else {
            self = .none
            return
        }
        guard parent.replica == dot.replica else {
            self = .other
            return
        }
        self = parent.counter &+ 1 == dot.counter ? .previous : .same
    }
}

/// Where the dots of each replica have come to in what is written of a text.
struct TextDots {
    var ends: [ReplicaID: UInt64] = [:]
    private(set) var last: ReplicaID?

    mutating func take(_ piece: TextDelta.Piece) {
        ends[piece.dot.replica] = piece.dot.counter &+ UInt64(max(piece.count, 0))
        last = piece.dot.replica
    }
}

extension StateWriter {
    /// - Parameter ends: what the number of another replica's dot is the difference to.
    mutating func parent(_ parent: Dot?, of dot: Dot, _ ends: [ReplicaID: UInt64] = [:]) {
        guard let parent else { return }
        switch TextParent(parent, of: dot) {
        case .none, .previous: break
        case .same: zigzag(Int64(bitPattern: dot.counter &- parent.counter))
        case .other:
            replica(parent.replica)
            zigzag(Int64(bitPattern: ends[parent.replica, default: 0] &- parent.counter))
        }
    }
}

extension StateReader {
    mutating func parent(
        _ form: TextParent, of dot: Dot, _ ends: [ReplicaID: UInt64] = [:]
    ) throws(StateViolation) -> Dot? {
        switch form {
        case .none: return nil
        case .previous: return Dot(replica: dot.replica, counter: dot.counter &- 1)
        case .same:
            return Dot(replica: dot.replica, counter: dot.counter &- UInt64(bitPattern: try zigzag()))
        case .other:
            let replica = try replica()
            let difference = UInt64(bitPattern: try zigzag())
            return Dot(replica: replica, counter: ends[replica, default: 0] &- difference)
        }
    }
}

extension [DotRange] {
    func write(to writer: inout StateWriter) {
        writer.varint(UInt64(count))
        for range in self {
            writer.replica(range.replica)
            writer.varint(range.first)
            writer.varint(range.count)
        }
    }

    init(from reader: inout StateReader) throws(StateViolation) {
        self = []
        for _ in 0..<(try reader.count()) {
            append(.init(replica: try reader.replica(), first: try reader.varint(), count: try reader.varint()))
        }
    }
}

extension [TextOperation] {
    /// The edits of a transaction.
    func write(to writer: inout StateWriter) {
        writer.varint(UInt64(count))
        var last: TextOperation?
        for operation in self {
            let follows = last.map { operation.follows($0) } ?? false
            var flags: UInt8 = follows ? TextFlags.follows : 0
            if case .insert(_, let parent, let side) = operation.edit {
                if side == .left { flags |= TextFlags.left }
                flags |= TextParent(parent, of: operation.dot).rawValue << TextFlags.parentShift
            } else {
                flags |= TextFlags.gone
            }
            writer.byte(flags)
            if !follows {
                writer.key(operation.text)
                writer.replica(operation.dot.replica)
                writer.varint(operation.dot.counter)
            }
            switch operation.edit {
            case .insert(let string, let parent, _):
                writer.parent(parent, of: operation.dot)
                writer.string(string)
            case .remove(let ranges): ranges.write(to: &writer)
            }
            last = operation
        }
    }

    init(from reader: inout StateReader) throws(StateViolation) {
        self = []
        for _ in 0..<(try reader.count()) { append(try TextOperation(from: &reader, after: last)) }
    }
}

extension TextOperation {
    fileprivate func follows(_ last: TextOperation) -> Bool {
        text == last.text && dot.replica == last.dot.replica && dot.counter == last.lastDot.counter + 1
    }

    fileprivate init(from reader: inout StateReader, after last: TextOperation?) throws(StateViolation) {
        let flags = try reader.byte()
        if flags & TextFlags.follows != 0 {
            guard let last else { throw StateViolation("an edit follows one that is not there") }
            text = last.text
            dot = Dot(replica: last.dot.replica, counter: last.lastDot.counter + 1)
        } else {
            text = try reader.key().key
            dot = Dot(replica: try reader.replica(), counter: try reader.varint())
        }
        guard dot.counter > 0, dot.counter < UInt64(Int64.max) else {
            throw StateViolation("an edit has a number of 0, or of 2⁶³ or more")
        }
        if flags & TextFlags.gone != 0 {
            edit = .remove(try [DotRange](from: &reader))
        } else {
            let form = TextParent(rawValue: flags >> TextFlags.parentShift & 3) ?? .none
            let parent = try reader.parent(form, of: dot)
            edit = .insert(
                try reader.string(), parent: parent, side: flags & TextFlags.left != 0 ? .left : .right)
        }
    }
}
