/// How many peers are there, and the number of the next. Kept by an actor.
struct PeerCount {
    private var count = 0
    private var lastNumber = 0
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// The next one's number, from 1.
    mutating func add() -> Int {
        count += 1
        lastNumber += 1
        return lastNumber
    }

    mutating func remove() {
        count -= 1
        let waiting = waiting
        self.waiting = []
        for waiter in waiting { waiter.resume() }
    }

    func isFewer(than limit: Int) -> Bool { count < limit }

    /// Resumes when one has gone.
    mutating func awaitChange(_ waiter: CheckedContinuation<Void, Never>) {
        waiting.append(waiter)
    }
}
