import DequeModule

/// Bounds how many requests are under way at a time; the others wait for their turn, in order. libdbus never gives
/// back the memory that its longest queue has taken.
struct RequestLimit {
    private let size: Int
    private var underWay = 0
    private var waiting: Deque<() -> Void> = []

    init(of size: Int) {
        self.size = size
    }

    /// - Parameter start: called once, now or from ``didEnd()``. What it starts must not end before it returns.
    mutating func begin(_ start: @escaping () -> Void) {
        if underWay == size { return waiting.append(start) }
        underWay += 1
        start()
    }

    /// To be called when one has ended; begins the next.
    mutating func didEnd() {
        guard let next = waiting.popFirst() else {
            underWay -= 1
            // Gives back the memory of this queue too.
            waiting = []
            return
        }
        next()
    }
}
