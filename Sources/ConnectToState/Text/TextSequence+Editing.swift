extension TextSequence {
    /// The start of the character that a UTF-16 offset is within, or the offset itself between characters.
    func characterStart(_ offset: Int) -> Int {
        guard offset > 0, offset < utf16Count else { return min(max(offset, 0), utf16Count) }
        let (run, inside) = self.run(at: offset)
        if self[run].byteCount == self[run].count { return offset }
        let count = count(in: self[run], upTo: inside)
        let end = Int(length(of: self[run], upTo: count).utf16)
        return end == inside ? offset : offset - 1
    }

    /// A range of UTF-16 offsets, with all of the characters that it has a part of; no more than there are.
    func characters(in range: Range<Int>) -> Range<Int> {
        let lower = characterStart(range.lowerBound)
        if range.isEmpty { return lower..<lower }
        let upper = characterStart(range.upperBound)
        return lower..<max(lower, upper == range.upperBound ? upper : min(upper + 2, utf16Count))
    }

    // MARK: Own edits

    /// Inserts characters at a UTF-16 offset between characters, and returns where that is in the tree.
    mutating func insert(_ string: String, _ dot: Dot, at offset: Int) -> (parent: Dot?, side: TextSide) {
        let (parent, side) = place(at: offset)
        insert(string[...], dot, parent: parent, side: side)
        return (parent, side)
    }

    /// Where characters are inserted at a UTF-16 offset between characters.
    private func place(at offset: Int) -> (parent: Dot?, side: TextSide) {
        if offset == 0 {
            if self[0].rightChild == 0 { return (nil, .right) }
            let first = self[firstRun]
            return (dot(first.author, first.start), .left)
        }
        let (run, inside) = self.run(endingAt: offset)
        let count = count(in: self[run], upTo: inside)
        let here = self[run]
        if count < here.count { return (dot(here.author, here.start + UInt64(count)), .left) }
        if here.rightChild == 0 { return (dot(here.author, here.end - 1), .right) }
        let next = self[self.next(run)]
        return (dot(next.author, next.start), .left)
    }

    /// Removes what is between two UTF-16 offsets between characters, and returns what that was.
    mutating func remove(_ range: Range<Int>) -> [DotRange] {
        var ranges: [DotRange] = []
        var rest = range.count
        while rest > 0 {
            let (run, inside) = self.run(at: range.lowerBound)
            let here = self[run]
            let from = count(in: here, upTo: inside)
            let to = count(in: here, upTo: min(inside + rest, Int(here.utf16Count)))
            let gone = DotRange(
                replica: authors[Int(here.author)].replica, first: here.start + UInt64(from), count: UInt64(to - from))
            if let last = ranges.last, last.replica == gone.replica, last.end == gone.first {
                ranges[ranges.count - 1].count += gone.count
            } else {
                ranges.append(gone)
            }
            rest -= removeCharacters(of: run, from, to)
        }
        return ranges
    }

    // MARK: Operations, own ones and those of others

    /// Inserts characters where the tree says.
    ///
    /// - Returns: the edit of the string.
    mutating func insert(_ string: String, _ dot: Dot, parent: Dot?, side: TextSide) -> TextEdit {
        let run = insert(string[...], dot, parent: parent, side: side)
        let before = utf16Offset(of: run) + Int(length(of: self[run], upTo: Int32(dot.counter - self[run].start)).utf16)
        return TextEdit(offset: before, removed: 0, inserted: string)
    }

    /// - Returns: the run of the first character.
    @discardableResult
    mutating func insert(_ string: Substring, _ dot: Dot, parent: Dot?, side: TextSide) -> Int32 {
        var first: Int32 = 0
        var rest = string.utf8
        var (dot, parent, side) = (dot, parent, side)
        while !rest.isEmpty {
            var length = TextLength(EmptyCollection())
            var end = rest.startIndex
            while end != rest.endIndex {
                let byte = rest[end]
                if byte & 0xc0 != 0x80, length.scalars == TextRun.greatestCount { break }
                length.add(byte)
                end = rest.index(after: end)
            }
            let run = insert(.text(rest[..<end], length), dot, parent: parent, side: side)
            if first == 0 { first = run }
            rest = rest[end...]
            let last = dot.counter + UInt64(length.scalars)
            (dot, parent, side) = (
                Dot(replica: dot.replica, counter: last), self.dot(self[run].author, last - 1), .right
            )
        }
        return first
    }

    /// Inserts a run where the tree says, or adds it to the one that it follows.
    mutating func insert(_ content: Content, _ dot: Dot, parent: Dot?, side: TextSide) -> Int32 {
        let author = authorPlace(dot.replica)
        var upper = parent.map { run(of: $0) } ?? 0
        if side == .right, let parent, parent.replica == dot.replica, parent.counter == dot.counter - 1,
            isExtensible(upper, at: dot.counter, by: content)
        {
            extend(upper, by: content)
            return upper
        }
        if let parent {
            let place = Int32(parent.counter - self[upper].start)
            if side == .left, place > 0 { upper = split(upper, at: place) }
            if side == .right, place + 1 < self[upper].count { _ = split(upper, at: place + 1) }
        }
        let new = makeRun(author, dot.counter, isGone: content.isGone)
        self[new].side = side
        if let parent {
            self[new].parentAuthor = self[upper].author
            self[new].parent = parent.counter
        }
        putIntoTree(new, under: upper, side, dot)
        extend(new, by: content)
        return new
    }

    private func isExtensible(_ run: Int32, at counter: UInt64, by content: Content) -> Bool {
        let here = self[run]
        return here.end == counter && here.rightChild == 0 && here.isGone == content.isGone
            && (content.isGone || here.byteEnd == authors[Int(here.author)].bytes.count)
            && Int(here.count) + Int(content.count) <= TextRun.greatestCount
    }

    /// Puts a run among the children of its parent, and with that into the order of the text. The children of one
    /// parent on one side were all written without knowing of each other; only they are looked at, and what was written
    /// with them.
    private mutating func putIntoTree(_ new: Int32, under upper: Int32, _ side: TextSide, _ dot: Dot) {
        var previous: Int32 = 0
        var next = side == .left ? self[upper].leftChild : self[upper].rightChild
        while next != 0, self.dot(self[next].author, self[next].start) < dot {
            (previous, next) = (next, self[next].sibling)
        }
        self[new].sibling = next
        if previous != 0 {
            self[previous].sibling = new
        } else if side == .left {
            self[upper].leftChild = new
        } else {
            self[upper].rightChild = new
        }
        if next != 0 {
            while self[next].leftChild != 0 { next = self[next].leftChild }
            link(new, before: next)
        } else if side == .left {
            link(new, before: upper)
        } else {
            link(new, after: previous == 0 ? upper : lastBelow(previous))
        }
    }

    /// The last run of a subtree of characters.
    private func lastBelow(_ run: Int32) -> Int32 {
        var last = run
        while case var child = self[last].rightChild, child != 0 {
            while self[child].sibling != 0 { child = self[child].sibling }
            last = child
        }
        return last
    }

    /// Removes characters, as far as they are there.
    ///
    /// - Returns: the edits of the string, one after the other.
    mutating func remove(_ ranges: [DotRange]) -> [TextEdit] {
        var edits: [TextEdit] = []
        for range in ranges {
            guard let author = authorPlaces[range.replica], let end = range.end else { continue }
            var counter = range.first
            while counter < end {
                let run = run(author, counter)
                guard run != 0 else { break }
                let here = self[run]
                let last = min(end, here.end)
                if !here.isGone {
                    let from = Int32(counter - here.start)
                    let offset = utf16Offset(of: run) + Int(length(of: here, upTo: from).utf16)
                    let removed = removeCharacters(of: run, from, Int32(last - here.start))
                    edits.append(removal: TextEdit(offset: offset, removed: removed, inserted: ""))
                }
                counter = last
            }
        }
        return edits
    }

    /// Removes some characters of a run that are there. What is gone is one run where it can be.
    ///
    /// - Returns: how many UTF-16 code units that were.
    @discardableResult
    private mutating func removeCharacters(of run: Int32, _ from: Int32, _ to: Int32) -> Int {
        let here = self[run]
        let before = length(of: here, upTo: from)
        let upTo = length(of: here, upTo: to)
        let removed = Int(upTo.utf16 - before.utf16)
        if from > 0, to == here.count, canMove(across: run, here.nextPiece), self[here.nextPiece].isGone {
            let next = here.nextPiece
            self[next].start -= UInt64(to - from)
            self[next].count += to - from
            self[next].parent = self[next].start - 1
            self[run].count = from
            shorten(run, to - from, bytes: here.byteCount - before.bytes, utf16: removed)
        } else if from == 0, to < here.count, here.start > 0, case let previous = self.run(here.author, here.start - 1),
            previous != 0, self[previous].isGone, canMove(across: previous, run)
        {
            self[previous].count += to
            self[run].start += UInt64(to)
            self[run].count -= to
            self[run].parent = self[run].start - 1
            self[run].offset += Int(upTo.bytes)
            shorten(run, to, bytes: upTo.bytes, utf16: removed)
        } else {
            if to < here.count { _ = split(run, at: to) }
            markGone(from > 0 ? split(run, at: from) : run)
        }
        return removed
    }

    /// Whether nothing stands between the two parts of a run that was split.
    private func canMove(across first: Int32, _ second: Int32) -> Bool {
        second != 0 && self[first].nextPiece == second && self[first].rightChild == second && self[second].sibling == 0
            && self[second].leftChild == 0
    }

    private mutating func shorten(_ run: Int32, _ count: Int32, bytes: Int32, utf16: Int) {
        self[run].byteCount -= bytes
        self[run].utf16Count -= Int32(utf16)
        didRemove(Int(count), bytes: Int(bytes))
        addToSums(-utf16, from: run)
    }
}
