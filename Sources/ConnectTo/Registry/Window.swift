import DequeModule

/// Has so many things under way at a time; the others wait for their turn, in order. libdbus keeps for ever the room
/// that its longest queue has taken.
struct Window {
    private let size: Int
    private var underWay = 0
    private var waiting: Deque<() -> Void> = []

    init(of size: Int) {
        self.size = size
    }

    /// - Parameter start: called once, now or from ``didEnd()``; what it starts ends later than it returns.
    mutating func begin(_ start: @escaping () -> Void) {
        if underWay == size { return waiting.append(start) }
        underWay += 1
        start()
    }

    /// One has ended; the next begins.
    mutating func didEnd() {
        guard let next = waiting.popFirst() else {
            underWay -= 1
            // Nor is the room of this queue kept.
            waiting = []
            return
        }
        next()
    }
}
