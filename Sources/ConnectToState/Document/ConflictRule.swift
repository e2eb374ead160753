/// Which of several values is shown at a path where replicas wrote without knowing of each other. It is a way of
/// reading: the values stay what they are, so that replicas with different rules agree all the same.
public enum ConflictRule: Sendable {
    /// The latest write is shown, and the others are listed as conflicts, until a write replaces them.
    case vectorClock
    /// The latest write is shown, and nothing is said of the others.
    case lastWriteWins
    /// A function of the program chooses or makes the value that is shown. It gets all values, the latest last, and has
    /// to give the same result for the same values wherever it runs. What it returns is not written.
    case custom(@Sendable ([StateValue]) -> StateValue)

    /// - Parameter siblings: at least one, the latest last.
    func value(of siblings: [Sibling]) -> StateValue? {
        guard case .custom(let choose) = self, siblings.count > 1 else { return siblings.last?.value }
        return choose(siblings.map(\.value))
    }

    /// The values that are not shown, though no write has replaced them.
    func conflicts(of siblings: [Sibling]) -> [StateValue] {
        if case .lastWriteWins = self { return [] }
        return siblings.dropLast().map(\.value)
    }
}
