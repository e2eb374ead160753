extension TextSequence {
    /// The characters that a replica lacks which knows certain operations; all for nil.
    func pieces(since known: VersionVector?) -> [TextDelta.Piece] {
        var listing = Listing(self, known)
        for author in authors.indices { listing.list(all: Int32(author)) }
        return listing.pieces
    }

    /// Lists characters author by author, but each after its parent.
    private struct Listing {
        let sequence: TextSequence
        /// Of each author, the run that comes next (0: none), how many of its characters are left out, and the place of
        /// the run among the author's.
        var heads: [(run: Int32, skipped: Int32, place: Int)] = []
        var pieces: [TextDelta.Piece] = []
        /// The last character of the last piece.
        private var lastDot: Dot?

        init(_ sequence: TextSequence, _ known: VersionVector?) {
            self.sequence = sequence
            for (place, author) in sequence.authors.enumerated() {
                let first = (known?[author.replica] ?? 0) + 1
                heads.append((0, 0, author.runs.count))
                guard first < author.end else { continue }
                var low = 0
                var high = author.runs.count
                while low < high {
                    let middle = (low + high) / 2
                    if author.runs[middle].start <= first { low = middle + 1 } else { high = middle }
                }
                let index = max(low - 1, 0)
                heads[place] = (author.runs[index].run, 0, index)
                while heads[place].run != 0, sequence[heads[place].run].end <= first { advance(Int32(place)) }
                if case let run = sequence[heads[place].run], run.start < first {
                    heads[place].skipped = Int32(first - run.start)
                }
            }
        }

        private mutating func advance(_ author: Int32) {
            let runs = sequence.authors[Int(author)].runs
            var (run, _, place) = heads[Int(author)]
            run = sequence[run].nextPiece
            if run == 0 {
                place += 1
                run = place < runs.count ? runs[place].run : 0
            }
            heads[Int(author)] = (run, 0, place)
        }

        mutating func list(all author: Int32) {
            var authors = [author]
            while let author = authors.last {
                let (place, skipped, _) = heads[Int(author)]
                guard place != 0 else {
                    authors.removeLast()
                    continue
                }
                let run = sequence[place]
                if skipped == 0, run.parentAuthor >= 0, !isListed(run.parentAuthor, run.parent) {
                    authors.append(run.parentAuthor)
                    continue
                }
                append(run, skipping: skipped)
                advance(author)
                // It was only to bring what another one's character stands beside.
                if authors.count > 1 { authors.removeLast() }
            }
        }

        /// Whether a character has been listed, or is known to the receiver.
        private func isListed(_ author: Int32, _ counter: UInt64) -> Bool {
            let (run, skipped, _) = heads[Int(author)]
            return run == 0 || counter < sequence[run].start + UInt64(skipped)
        }

        private mutating func append(_ run: TextRun, skipping skipped: Int32) {
            let dot = sequence.dot(run.author, run.start + UInt64(skipped))
            var parent: Dot?
            if skipped > 0 {
                parent = sequence.dot(run.author, dot.counter - 1)
            } else if run.parentAuthor >= 0 {
                parent = sequence.dot(run.parentAuthor, run.parent)
            }
            let side = skipped > 0 ? .right : run.side
            var content = TextDelta.Piece.Content.gone(Int(run.count - skipped))
            if !run.isGone {
                var rest = run
                rest.offset += Int(sequence.length(of: run, upTo: skipped).bytes)
                rest.byteCount -= Int32(rest.offset - run.offset)
                content = .text(sequence.string(of: rest))
            }
            if side == .right, parent == lastDot, dot.replica == parent?.replica, dot.counter - 1 == parent?.counter,
                pieces[pieces.count - 1].content.append(content)
            {
                lastDot = sequence.dot(run.author, run.end - 1)
                return
            }
            lastDot = sequence.dot(run.author, run.end - 1)
            pieces.append(TextDelta.Piece(dot: dot, parent: parent, side: side, content: content))
        }
    }

    /// Takes characters from another replica, and the news that they are gone.
    ///
    /// - Parameter known: what was known before the difference was taken.
    /// - Returns: the edits of the string, one after the other.
    mutating func join(_ pieces: [TextDelta.Piece], known: VersionVector) -> [TextEdit] {
        var edits: [TextEdit] = []
        for piece in pieces {
            let count = piece.count
            let isKnown = known[piece.dot.replica] >= piece.dot.counter
            let skipped = isKnown ? min(Int(known[piece.dot.replica] - piece.dot.counter) + 1, count) : 0
            if skipped > 0, case .gone = piece.content {
                edits += remove([.init(replica: piece.dot.replica, first: piece.dot.counter, count: UInt64(skipped))])
            }
            if skipped == count { continue }
            let dot = Dot(replica: piece.dot.replica, counter: piece.dot.counter + UInt64(skipped))
            let parent = isKnown ? Dot(replica: dot.replica, counter: dot.counter - 1) : piece.parent
            let side = isKnown ? .right : piece.side
            switch piece.content {
            case .text(let string):
                let scalars = string.unicodeScalars
                let rest = String(scalars[scalars.index(scalars.startIndex, offsetBy: skipped)...])
                edits.append(insert(rest, dot, parent: parent, side: side))
            case .gone(let count):
                _ = insert(.gone(Int32(count - skipped)), dot, parent: parent, side: side)
            }
        }
        return edits
    }
}

extension TextDelta.Piece.Content {
    /// Appends more of the same kind.
    fileprivate mutating func append(_ next: Self) -> Bool {
        switch (self, next) {
        case (.text(var string), .text(let more)):
            self = .gone(0)  // so that the string is not copied
            string += more
            self = .text(string)
        case (.gone(let count), .gone(let more)) where count + more <= Int(Int32.max): self = .gone(count + more)
        default: return false
        }
        return true
    }
}
