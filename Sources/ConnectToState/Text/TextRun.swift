/// Characters (Unicode scalars) of one replica with consecutive dots, of which each is the right child of the one before
/// it, and which are all there or all gone. Runs refer to each other by their places in an array; 0 is none.
struct TextRun: Sendable {
    /// The place of the replica in the sequence's table of authors.
    var author: Int32
    /// The number of the first dot.
    var start: UInt64
    var count: Int32
    /// Where the UTF-8 of the characters begins in what the author has inserted.
    var offset: Int
    /// 0 where they are gone, as is the number of UTF-16 code units.
    var byteCount: Int32 = 0
    var utf16Count: Int32 = 0
    var isGone = false

    // The tree of characters. Only the first of a run has left children and a parent outside, and only the last has
    // right children outside: a run is split where others come between.
    var side: TextSide
    /// The place of the parent's author in the table; -1 for the beginning of the text.
    var parentAuthor: Int32
    var parent: UInt64
    var leftChild: Int32 = 0
    var rightChild: Int32 = 0
    /// The next child of the same parent on the same side, in the order of the dots.
    var sibling: Int32 = 0

    /// What follows of the run that this was split from.
    var nextPiece: Int32 = 0

    // The balanced tree over all runs in the order of the text.
    var left: Int32 = 0
    var right: Int32 = 0
    var up: Int32 = 0
    /// The UTF-16 code units of this run and those below it in the balanced tree.
    var utf16Sum = 0

    var end: UInt64 { start + UInt64(count) }
    var byteEnd: Int { offset + Int(byteCount) }

    /// So that what has to be walked along within a run is bounded.
    static let greatestCount = 512
}

/// How long a string is in bytes of UTF-8, UTF-16 code units and Unicode scalars.
struct TextLength {
    var bytes = 0
    var utf16 = 0
    var scalars = 0

    init(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { add(byte) }
    }

    mutating func add(_ byte: UInt8) {
        bytes += 1
        if byte & 0xc0 != 0x80 { scalars += 1 }
        if byte & 0xc0 != 0x80 { utf16 += byte >= 0xf0 ? 2 : 1 }
    }
}
