// The balanced tree over the runs, a treap: ordered like the text, and each run above those with a smaller priority.
extension TextSequence {
    private func priority(_ run: Int32) -> UInt32 {
        var hash = (UInt32(bitPattern: run) ^ seed) &* 0x9e37_79b1
        hash ^= hash >> 15
        hash = hash &* 0x85eb_ca77
        return hash ^ (hash >> 13)
    }

    private func sum(_ run: Int32) -> Int { run == 0 ? 0 : self[run].utf16Sum }

    mutating func addToSums(_ count: Int, from run: Int32) {
        if count == 0 { return }
        var run = run
        while run != 0 {
            self[run].utf16Sum += count
            run = self[run].up
        }
    }

    /// Puts a run into the order right after another one; after the beginning of the text for 0.
    mutating func link(_ run: Int32, after other: Int32) {
        if other != 0, self[other].right == 0 {
            self[other].right = run
            attach(run, to: other)
        } else {
            let next = other == 0 ? first(below: root) : first(below: self[other].right)
            if next != 0 { self[next].left = run }
            attach(run, to: next)
        }
    }

    /// Puts a run into the order right before another one.
    mutating func link(_ run: Int32, before other: Int32) {
        if self[other].left == 0 {
            self[other].left = run
            attach(run, to: other)
        } else {
            let previous = last(below: self[other].left)
            self[previous].right = run
            attach(run, to: previous)
        }
    }

    private mutating func attach(_ run: Int32, to upper: Int32) {
        (self[run].left, self[run].right, self[run].up) = (0, 0, upper)
        self[run].utf16Sum = 0
        addToSums(Int(self[run].utf16Count), from: run)
        if upper == 0 { root = run }
        while case let up = self[run].up, up != 0, priority(up) < priority(run) { rotate(run, over: up) }
    }

    private mutating func rotate(_ run: Int32, over upper: Int32) {
        let top = self[upper].up
        let inner: Int32
        if self[upper].left == run {
            inner = self[run].right
            self[upper].left = inner
            self[run].right = upper
        } else {
            inner = self[run].left
            self[upper].right = inner
            self[run].left = upper
        }
        if inner != 0 { self[inner].up = upper }
        self[upper].up = run
        self[run].up = top
        if top == 0 {
            root = run
        } else if self[top].left == upper {
            self[top].left = run
        } else {
            self[top].right = run
        }
        let whole = self[upper].utf16Sum
        self[upper].utf16Sum += sum(inner) - self[run].utf16Sum
        self[run].utf16Sum = whole
    }

    private func first(below run: Int32) -> Int32 {
        var run = run
        while run != 0, self[run].left != 0 { run = self[run].left }
        return run
    }

    private func last(below run: Int32) -> Int32 {
        var run = run
        while self[run].right != 0 { run = self[run].right }
        return run
    }

    /// The first run of the text; 0 where there is none.
    var firstRun: Int32 { first(below: root) }

    /// The run that follows in the order of the text; 0 after the last.
    func next(_ run: Int32) -> Int32 {
        if self[run].right != 0 { return first(below: self[run].right) }
        var run = run
        while case let up = self[run].up, up != 0, self[up].right == run { run = up }
        return self[run].up
    }

    /// The UTF-16 code units before a run.
    func utf16Offset(of run: Int32) -> Int {
        var offset = sum(self[run].left)
        var run = run
        while case let up = self[run].up, up != 0 {
            if self[up].right == run { offset += sum(self[up].left) + Int(self[up].utf16Count) }
            run = up
        }
        return offset
    }

    /// The run of the code unit before an offset, and how many of the run's units are before the offset.
    ///
    /// - Parameter offset: more than 0, and no more than there are units.
    func run(endingAt offset: Int) -> (run: Int32, offset: Int) {
        let (run, inside) = self.run(at: offset - 1)
        return (run, inside + 1)
    }

    /// The run of the code unit after an offset, and how many of the run's units are before the offset.
    ///
    /// - Parameter offset: less than there are units.
    func run(at offset: Int) -> (run: Int32, offset: Int) {
        var rest = offset
        var run = root
        while true {
            let before = sum(self[run].left)
            if rest < before {
                run = self[run].left
                continue
            }
            rest -= before
            let own = Int(self[run].utf16Count)
            if rest < own { return (run, rest) }
            rest -= own
            run = self[run].right
        }
    }

    func forEachRun(_ body: (TextRun) -> Void) {
        var run = firstRun
        while run != 0 {
            body(self[run])
            run = next(run)
        }
    }
}
