/// The characters of a text, in an order that all replicas agree on.
///
/// The order is that of Fugue (Weidner, Kleppmann: The Art of the Fugue, 2023): a tree in which each character is the
/// left or the right child of another one, read from left to right, with children of one parent on one side in the
/// order of their dots. What a replica writes in one place is one subtree, so two replicas that write in the same place
/// at the same time find one text after the other, whether they write forward or backward, and not a mixture of both.
///
/// A character that is gone stays in the tree, without its content, for others may stand beside it. Characters are kept
/// in runs; a balanced tree (a treap) over the runs, in the order of the text, counts UTF-16 code units. No operation
/// takes longer for a longer text than that tree is high. Copies share their storage until one of them changes.
struct TextSequence: Sendable {
    struct Author: Sendable {
        let replica: ReplicaID
        /// The UTF-8 of all that it has inserted, in the order of the dots.
        var bytes: [UInt8] = []
        /// The runs as they were before they were split, in the order of the dots.
        var runs: [(start: UInt64, run: Int32)] = []
        /// The end of the dots that it has inserted here.
        var end: UInt64 = 0
    }

    var authors: [Author] = []
    var authorPlaces: [ReplicaID: Int32] = [:]
    /// The first one stands for the beginning of the text, and is in no balanced tree.
    var runs: [TextRun] = [
        TextRun(author: -1, start: 0, count: 0, offset: 0, side: .right, parentAuthor: -1, parent: 0)
    ]
    /// The uppermost run of the balanced tree.
    var root: Int32 = 0
    /// Decides which run is above which. It is random so that no replica can write a text that makes the tree high.
    let seed = UInt32.random(in: 0...UInt32.max)
    /// The UTF-8 of the characters that are there.
    private(set) var byteCount = 0
    /// The characters that are gone.
    private(set) var goneCount = 0

    /// How much it counts where a document's bytes are limited.
    var size: Int { byteCount + goneCount }

    /// The number of UTF-16 code units.
    var utf16Count: Int { root == 0 ? 0 : runs[Int(root)].utf16Sum }

    var string: String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(byteCount)
        forEachRun { run in
            if run.byteCount > 0 { bytes += authors[Int(run.author)].bytes[run.offset..<run.byteEnd] }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    func string(of run: TextRun) -> String {
        String(decoding: authors[Int(run.author)].bytes[run.offset..<run.byteEnd], as: UTF8.self)
    }

    subscript(run: Int32) -> TextRun {
        get { runs[Int(run)] }
        _modify { yield &runs[Int(run)] }
    }

    func dot(_ author: Int32, _ counter: UInt64) -> Dot {
        Dot(replica: authors[Int(author)].replica, counter: counter)
    }

    mutating func authorPlace(_ replica: ReplicaID) -> Int32 {
        if let place = authorPlaces[replica] { return place }
        let place = Int32(authors.count)
        authors.append(Author(replica: replica))
        authorPlaces[replica] = place
        return place
    }

    // MARK: Finding

    /// The run with a dot; 0 where there is none.
    func run(of dot: Dot) -> Int32 {
        guard let author = authorPlaces[dot.replica] else { return 0 }
        return run(author, dot.counter)
    }

    func run(_ author: Int32, _ counter: UInt64) -> Int32 {
        let starts = authors[Int(author)].runs
        var low = 0
        var high = starts.count
        while low < high {
            let middle = (low + high) / 2
            if starts[middle].start <= counter { low = middle + 1 } else { high = middle }
        }
        guard low > 0 else { return 0 }
        var run = starts[low - 1].run
        while run != 0, self[run].end <= counter { run = self[run].nextPiece }
        return run
    }

    /// How many bytes and UTF-16 code units the first characters of a run have.
    func length(of run: TextRun, upTo count: Int32) -> (bytes: Int32, utf16: Int32) {
        if run.isGone { return (0, 0) }
        if run.byteCount == run.count { return (count, count) }
        var length = TextLength(EmptyCollection())
        for byte in authors[Int(run.author)].bytes[run.offset..<run.byteEnd] {
            if byte & 0xc0 != 0x80, length.scalars == count { break }
            length.add(byte)
        }
        return (Int32(length.bytes), Int32(length.utf16))
    }

    /// How many characters of a run begin before a UTF-16 offset in it: one that the offset is within counts.
    func count(in run: TextRun, upTo utf16: Int) -> Int32 {
        if run.byteCount == run.count { return Int32(utf16) }
        var length = TextLength(EmptyCollection())
        for byte in authors[Int(run.author)].bytes[run.offset..<run.byteEnd] {
            if byte & 0xc0 != 0x80, length.utf16 >= utf16 { break }
            length.add(byte)
        }
        return Int32(length.scalars)
    }

    // MARK: Changing runs

    /// Splits a run before one of its characters, and returns the second part.
    mutating func split(_ run: Int32, at count: Int32) -> Int32 {
        let first = self[run]
        let length = length(of: first, upTo: count)
        var second = first
        second.start = first.start + UInt64(count)
        second.count = first.count - count
        second.offset = first.offset + Int(length.bytes)
        second.byteCount = first.byteCount - length.bytes
        second.utf16Count = first.utf16Count - length.utf16
        (second.side, second.parentAuthor, second.parent) = (.right, first.author, second.start - 1)
        (second.leftChild, second.sibling) = (0, 0)
        let new = Int32(runs.count)
        runs.append(second)
        self[run].count = count
        self[run].byteCount = length.bytes
        self[run].utf16Count = length.utf16
        self[run].rightChild = new
        self[run].nextPiece = new
        addToSums(-Int(second.utf16Count), from: run)
        link(new, after: run)
        return new
    }

    mutating func didRemove(_ count: Int, bytes: Int) {
        goneCount += count
        byteCount -= bytes
    }

    /// Takes the content of a run away.
    mutating func markGone(_ run: Int32) {
        didRemove(Int(self[run].count), bytes: Int(self[run].byteCount))
        addToSums(-Int(self[run].utf16Count), from: run)
        self[run].byteCount = 0
        self[run].utf16Count = 0
        self[run].isGone = true
    }

    /// Adds characters to the end of a run, and of all that its author has inserted.
    mutating func extend(_ run: Int32, by content: Content) {
        self[run].count += content.count
        if case .text(let bytes, let length) = content {
            authors[Int(self[run].author)].bytes += bytes
            self[run].byteCount += Int32(length.bytes)
            self[run].utf16Count += Int32(length.utf16)
            byteCount += length.bytes
            addToSums(length.utf16, from: run)
        } else {
            goneCount += Int(content.count)
        }
        authors[Int(self[run].author)].end = self[run].end
    }

    /// Content of a run to be.
    enum Content {
        case text(Substring.UTF8View, TextLength)
        case gone(Int32)

        var count: Int32 {
            switch self {
            case .text(_, let length): Int32(length.scalars)
            case .gone(let count): count
            }
        }

        var isGone: Bool { if case .gone = self { true } else { false } }
    }

    /// Makes an empty run with dots after all that its author has inserted; it is not linked to any other.
    mutating func makeRun(_ author: Int32, _ start: UInt64, isGone: Bool) -> Int32 {
        let new = Int32(runs.count)
        var run = TextRun(
            author: author, start: start, count: 0, offset: authors[Int(author)].bytes.count, side: .right,
            parentAuthor: -1, parent: 0)
        run.isGone = isGone
        runs.append(run)
        authors[Int(author)].runs.append((start, new))
        return new
    }
}
