extension MessagePort {
    /// Bytes that the program has taken of a port and is still passing on, counted with what the port holds until they
    /// are let go. So a program that passes on slowly stalls the peers it has them of.
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

    /// - Returns: nil for what is too little to be counted, and on a port whose memory nobody counts.
    package func hold(_ size: Int) -> Holding? {
        line.budget == nil || size < MemoryTally.grain ? nil : Holding(line, size)
    }
}
