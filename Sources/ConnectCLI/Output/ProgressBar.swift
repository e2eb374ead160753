import ConnectToLinux
import Glibc

/// The progress of the files that are being stored, on one text line of a terminal.
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

    /// Nil if standard error is not a terminal, or with `--quiet`.
    init?(_ report: Report) {
        guard isatty(2) == 1, !report.isQuiet else { return nil }
        self.report = report
    }

    /// One file's part of the progress, until its ``end()``.
    struct Share: Sendable {
        fileprivate let bar: ProgressBar
        fileprivate let id: Int

        /// - Parameter done: the number of bytes that are done.
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

    // Write under the lock, so that an older state never follows a newer one. The write never waits, and a terminal
    // that is not read misses nothing of value.

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
