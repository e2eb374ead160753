import ConnectTo
import ConnectToLinux
import Glibc

/// The progress of the tasks, on the last text line of a terminal.
///
/// What else is written to the terminal begins with ``clearing``, so that it takes the place of the bar, and the bar
/// comes again below.
final class TaskProgressBar: Sendable {
    private static let interval = Duration.milliseconds(100)
    private static let clearing = "\r\u{1B}[K"

    private struct State {
        var isStopped = false
        var timer: EventLoop.Timer?
    }

    /// What a note on standard error begins with.
    let notePrefix = clearing
    /// What a text line of standard output begins with: that may be the same terminal.
    let outputPrefix: [UInt8]

    private let report: Report
    private let loop: EventLoop
    private let start = ContinuousClock.now
    private let state = Lock(State())

    /// Nil if standard error is not a terminal, or with `--quiet`.
    init?(_ report: Report) {
        guard isatty(2) == 1, !report.isQuiet, let loop = try? EventLoop.shared else { return nil }
        self.report = report
        self.loop = loop
        outputPrefix = isatty(1) == 1 ? Array(Self.clearing.utf8) : []
    }

    /// Shows the bar from now on.
    /// - Parameter textLine: what it shows, given the time since the start.
    func start(_ textLine: @escaping @Sendable (Duration) -> String) {
        state.withLock { state in
            if state.isStopped { return }
            // The terminal cuts off what is too long for it (?7l), so that the bar never takes two of its lines.
            let text = textLine(ContinuousClock.now - start)
            try? report.errors.write("\r\u{1B}[?7l\(text)\u{1B}[K\u{1B}[?7h")
            state.timer = loop.schedule(after: Self.interval) { [weak self] in self?.start(textLine) }
        }
    }

    /// Removes the bar.
    func stop() {
        state.withLock { state in
            if state.isStopped { return }
            state.isStopped = true
            state.timer?.cancel()
            try? report.errors.write(Self.clearing)
        }
    }
}
