/// The number of open peers, and the number that the next peer gets. Owned by an actor.
struct PeerCount {
    private var count = 0
    private var lastNumber = 0
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// Counts a new peer, and returns its number, from 1 on.
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

    /// Resumes the waiter when a peer has gone.
    mutating func awaitChange(_ waiter: CheckedContinuation<Void, Never>) {
        waiting.append(waiter)
    }
}
