import ConnectToLinux

/// The tasks of one run on their way from the reader of standard input over the workers to the printer. The reader
/// waits here for room, and the printer for the next outcome.
final class TaskFlow: Sendable {
    private struct State {
        var tasks: OpenTasks
        var progress: TaskProgress
        var failed = FailedTasks()
        var hasInputEnded = false
        /// Why no further tasks begin.
        var failure: Failure?
        /// The reader of the tasks, which waits for room for another.
        var reader: CheckedContinuation<Void, Never>?
        /// The printer, which waits for an outcome.
        var printer: CheckedContinuation<Void, Never>?

        /// Whether there will be no more outcomes.
        var isOver: Bool { hasInputEnded && tasks.isEmpty }
    }

    private let state: Lock<State>

    init(_ tasks: OpenTasks, _ progress: TaskProgress) {
        state = Lock(State(tasks: tasks, progress: progress))
    }

    // MARK: The reader

    /// Begins another task, as soon as there is room for it.
    /// - Returns: the number of the task; nil if no further tasks are to begin.
    func begin() async -> Int? {
        await withCheckedContinuation { continuation in
            let mayGoOn = state.withLock { state in
                if state.failure != nil || state.tasks.hasRoom { return true }
                state.reader = continuation
                return false
            }
            if mayGoOn { continuation.resume() }
        }
        return state.withLock { $0.failure == nil ? $0.tasks.begin() : nil }
    }

    /// There are no more tasks, or none are wanted.
    func endInput() {
        wake { state in
            state.hasInputEnded = true
            if state.failure == nil { state.progress.total = state.tasks.begun }
        }
    }

    /// Lets no further tasks begin.
    func stop(_ failure: Failure) {
        wake { $0.failure = $0.failure ?? failure }
    }

    // MARK: The workers

    /// A task has ended.
    func finish(_ outcome: TaskOutcome) {
        wake { state in
            if case .failure = outcome.result { state.failed.add(line: outcome.line) }
            state.progress.add(outcome)
            state.tasks.finish(outcome)
        }
    }

    // MARK: The printer

    /// Waits for the outcome that is to be printed next; nil when there will be no more.
    func next() async -> TaskOutcome? {
        while true {
            let (outcome, isOver) = state.withLock { ($0.tasks.takePrintable(), $0.isOver) }
            if let outcome {
                // There may be room for another task now.
                wake { _ in }
                return outcome
            }
            if isOver { return nil }
            await withCheckedContinuation { continuation in
                let mayGoOn = state.withLock { state in
                    if state.isOver || state.tasks.hasPrintable { return true }
                    state.printer = continuation
                    return false
                }
                if mayGoOn { continuation.resume() }
            }
        }
    }

    // MARK: Facts

    /// How many tasks have begun, which have failed, and why no further tasks have begun, if there is a reason.
    var summary: (begun: Int, failed: FailedTasks, failure: Failure?) {
        state.withLock { ($0.tasks.begun, $0.failed, $0.failure) }
    }

    /// Whether tasks are running, and none has ended yet.
    var isSilent: Bool { state.withLock { $0.progress.done == 0 && $0.tasks.running > 0 } }

    /// The progress in one text line.
    /// - Parameter now: the time since the start.
    func progressLine(at now: Duration) -> String {
        state.withLock { $0.progress.textLine(at: now, running: $0.tasks.running) }
    }

    /// Changes the state, and resumes those that may have waited for the change.
    private func wake(_ change: (inout State) -> Void) {
        let (reader, printer) = state.withLock { state in
            change(&state)
            var (reader, printer): (CheckedContinuation<Void, Never>?, CheckedContinuation<Void, Never>?)
            if state.failure != nil || state.tasks.hasRoom { swap(&reader, &state.reader) }
            swap(&printer, &state.printer)
            return (reader, printer)
        }
        reader?.resume()
        printer?.resume()
    }
}
