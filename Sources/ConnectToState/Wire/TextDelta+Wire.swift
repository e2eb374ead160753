extension Delta.Text {
    func write(to writer: inout StateWriter) {
        writer.key(name)
        var dots = TextDots()
        writer.varint(UInt64(delta.pieces.count))
        for piece in delta.pieces { piece.write(to: &writer, &dots) }
        writer.varint(UInt64(delta.removals.count))
        for removal in delta.removals {
            writer.replica(removal.dot.replica)
            writer.varint(removal.dot.counter)
            removal.ranges.write(to: &writer)
        }
    }

    init(from reader: inout StateReader) throws(StateViolation) {
        name = try reader.key().key
        var dots = TextDots()
        for _ in 0..<(try reader.count()) { delta.pieces.append(try TextDelta.Piece(from: &reader, &dots)) }
        for _ in 0..<(try reader.count()) {
            let dot = Dot(replica: try reader.replica(), counter: try reader.varint())
            delta.removals.append(.init(dot: dot, ranges: try [DotRange](from: &reader)))
        }
    }
}

extension TextDelta.Piece {
    fileprivate func write(to writer: inout StateWriter, _ dots: inout TextDots) {
        let end = dots.ends[dot.replica, default: 0]
        let isSameReplica = dots.last == dot.replica
        var flags: UInt8 = side == .left ? TextFlags.left : 0
        if case .gone = content { flags |= TextFlags.gone }
        let length = if case .text(let string) = content { string.utf8.count } else { count }
        if length <= 3 { flags |= UInt8(length) << TextFlags.lengthShift }
        let isNext = isSameReplica && end == dot.counter
        flags |= (isNext ? 0 : isSameReplica ? 1 : 2) << TextFlags.dotShift
        writer.byte(flags | TextParent(parent, of: dot).rawValue << TextFlags.parentShift)
        if !isSameReplica { writer.replica(dot.replica) }
        if !isNext { writer.varint(dot.counter &- end) }
        dots.take(self)
        writer.parent(parent, of: dot, dots.ends)
        if length > 3 { writer.varint(UInt64(length)) }
        if case .text(let string) = content { writer.append(string.utf8) }
    }

    fileprivate init(from reader: inout StateReader, _ dots: inout TextDots) throws(StateViolation) {
        let flags = try reader.byte()
        let dotForm = flags >> TextFlags.dotShift & 3
        guard dotForm <= 2, let replica = dotForm == 2 ? try reader.replica() : dots.last else {
            throw StateViolation("characters follow ones that are not there")
        }
        let gap = dotForm == 0 ? 0 : try reader.varint()
        dot = Dot(replica: replica, counter: dots.ends[replica, default: 0] &+ gap)
        content = .gone(0)
        parent = nil
        side = flags & TextFlags.left != 0 ? .left : .right
        let small = UInt64(flags >> TextFlags.lengthShift & 3)
        let parentForm = TextParent(rawValue: flags >> TextFlags.parentShift & 3) ?? .none
        parent = try reader.parent(parentForm, of: dot, dots.ends)
        let length = small > 0 ? small : try reader.varint()
        if flags & TextFlags.gone != 0 {
            guard length > 0, length <= UInt64(Int32.max) else {
                throw StateViolation("a difference has \(length) characters in one place")
            }
            content = .gone(Int(length))
        } else {
            guard length <= UInt64(reader.remaining) else { throw .cut }
            content = .text(try reader.string(bytes: Int(length)))
        }
        guard dot.counter > 0, dot.counter < UInt64(Int64.max) else {
            throw StateViolation("characters have a number of 0, or of 2⁶³ or more")
        }
        dots.take(self)
    }
}
