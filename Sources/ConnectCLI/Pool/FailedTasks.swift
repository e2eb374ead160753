/// The tasks that have failed: how many, and the first of them by number.
struct FailedTasks: Sendable {
    /// How many numbers are named.
    static let named = 100

    private(set) var count = 0
    private var lines: [Int] = []

    mutating func add(line: Int) {
        count += 1
        if lines.count < Self.named { lines.append(line) }
    }

    /// The failed tasks in words: `lines 3, 7-9 and 12`, and how many more there are.
    var inWords: String {
        var ranges: [ClosedRange<Int>] = []
        for line in lines.sorted() {
            if let last = ranges.last, line == last.upperBound + 1 {
                ranges[ranges.count - 1] = last.lowerBound...line
            } else {
                ranges.append(line...line)
            }
        }
        var words = ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
        if count > lines.count { words.append("\(count - lines.count) more") }
        let label = count == 1 ? "line" : "lines"
        guard let last = words.popLast() else { return "none" }
        return "\(label) " + (words.isEmpty ? last : "\(words.joined(separator: ", ")) and \(last)")
    }
}
