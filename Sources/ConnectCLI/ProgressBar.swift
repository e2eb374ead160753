import Glibc

/// How far a file has come, on a terminal's one line.
struct ProgressBar {
    private static let width = 30
    private static let interval = Duration.milliseconds(100)

    private let label: String
    private let total: Int
    private let report: Report
    private var isShown = false
    private var lastShown: ContinuousClock.Instant

    /// Nil where standard error is no terminal, or nobody wants to know.
    init?(_ label: String, total: Int, _ report: Report) {
        guard isatty(2) == 1, !report.isQuiet, total > 0 else { return nil }
        self.label = String(label.unicodeScalars.prefix(Self.width).map(Character.init))
        self.total = total
        self.report = report
        lastShown = .now
    }

    /// - Parameter done: bytes.
    mutating func update(_ done: Int) {
        let now = ContinuousClock.now
        if now - lastShown < Self.interval { return }
        lastShown = now
        isShown = true
        // Nobody is waited for, and who does not read misses nothing.
        try? report.errors.write("\r\(Self.line(label, done, of: total))\u{1B}[K")
    }

    mutating func clear() {
        if isShown { try? report.errors.write("\r\u{1B}[K") }
        isShown = false
    }

    static func line(_ label: String, _ done: Int, of total: Int) -> String {
        let part = min(1, Double(done) / Double(max(1, total)))
        let filled = Int(part * Double(width))
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: width - filled)
        return "\(label) [\(bar)] \(Int(part * 100)) %"
    }
}
