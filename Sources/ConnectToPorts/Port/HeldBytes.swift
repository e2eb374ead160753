extension MessagePort {
    /// Bytes that the program has taken from a port and is still passing on. They count as held by the port until this
    /// object is released. So a program that passes bytes on slowly stalls the peers from which they came.
    package final class Holding: Sendable {
        private let line: Line
        private let size: Int

        fileprivate init(_ line: Line, _ size: Int) {
            self.line = line
            self.size = size
            line.change { state, _ in state.inHand += size }
        }

        deinit {
            line.change { [size] state, _ in state.inHand -= size }
        }
    }

    /// - Returns: nil where the size is too small to be counted, and on a port that has no memory budget.
    package func hold(_ size: Int) -> Holding? {
        line.budget == nil || size < MemoryTally.grain ? nil : Holding(line, size)
    }
}
