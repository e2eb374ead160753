import ConnectToLinux
import Glibc

/// How far the files have come that are being stored, on a terminal's one line.
final class ProgressBar: Sendable {
    private static let width = 30
    private static let interval = Duration.milliseconds(100)

    private struct Part {
        let label: String
        let total: Int
        var done = 0
    }

    private struct State {
        var parts: [Int: Part] = [:]
        var lastID = 0
        var isShown = false
        var lastShown = ContinuousClock.now
    }

    private let report: Report
    private let state = Lock(State())

    /// Nil where standard error is no terminal, or nobody wants to know.
    init?(_ report: Report) {
        guard isatty(2) == 1, !report.isQuiet else { return nil }
        self.report = report
    }

    /// One file's share in the line, until its ``end()``.
    struct Share: Sendable {
        fileprivate let bar: ProgressBar
        fileprivate let id: Int

        /// - Parameter done: bytes.
        func update(_ done: Int) { bar.update(id, done) }
        func end() { bar.end(id) }
    }

    func begin(_ label: String, total: Int) -> Share {
        let label = String(label.unicodeScalars.prefix(Self.width).map(Character.init))
        return state.withLock { state in
            state.lastID += 1
            state.parts[state.lastID] = Part(label: label, total: total)
            return Share(bar: self, id: state.lastID)
        }
    }

    // Written under the lock, so that an older line never comes behind a newer one. Nobody is waited for, and who does
    // not read misses nothing.

    private func update(_ id: Int, _ done: Int) {
        state.withLock { state in
            state.parts[id]?.done = done
            let now = ContinuousClock.now
            if now - state.lastShown < Self.interval { return }
            state.lastShown = now
            state.isShown = true
            let parts = state.parts.values
            let label = parts.count == 1 ? parts.first?.label ?? "" : "\(parts.count) files"
            let line = Self.line(
                label, parts.reduce(0) { $0 &+ $1.done }, of: parts.reduce(0) { $0 &+ $1.total })
            try? report.errors.write("\r\(line)\u{1B}[K")
        }
    }

    private func end(_ id: Int) {
        state.withLock { state in
            state.parts[id] = nil
            if state.isShown { try? report.errors.write("\r\u{1B}[K") }
            state.isShown = false
        }
    }

    static func line(_ label: String, _ done: Int, of total: Int) -> String {
        let part = min(1, Double(done) / Double(max(1, total)))
        let filled = Int(part * Double(width))
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: width - filled)
        return "\(label) [\(bar)] \(Int(part * 100)) %"
    }
}
