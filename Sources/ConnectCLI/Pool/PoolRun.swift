import ConnectTo
import ConnectToLinux
import ConnectToMessaging
import ConnectToWorkers
import Glibc

/// One run of `connect pool`: gives the text lines of standard input to the workers, and prints their answers.
final class PoolRun: Sendable {
    struct Options: Sendable {
        /// The type of the requests to the workers.
        var type: String
        var form: PayloadForm
        var isOrdered: Bool
        /// How many tasks run at the same time.
        var jobs: Int
        /// How long a task may run.
        var timeout: Duration?
        /// How often a task that has failed is tried again.
        var retries: Int
        /// What to say when no answer comes for long.
        var silenceAdvice: String?
    }

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
    }

    private let pool: WorkerPool
    private let options: Options
    private let report: Report
    private let log: JobLog?
    private let bar: TaskProgressBar?
    private let state: Lock<State>

    /// How long no task may be done before ``Options/silenceAdvice`` is given.
    private static let silence = Duration.seconds(5)

    init(_ pool: WorkerPool, _ options: Options, report: Report, log: JobLog?) {
        self.pool = pool
        self.options = options
        self.report = report
        self.log = log
        bar = TaskProgressBar(report)
        state = Lock(
            State(
                tasks: OpenTasks(isOrdered: options.isOrdered, limits: OpenTasks.Limits(running: options.jobs)),
                progress: TaskProgress(inputSize: bar == nil ? nil : Self.restOfFile())))
    }

    /// Does all tasks.
    /// - Throws: ``Failure``: 70 if tasks have failed, 74 if something could not be read or written, 76 if no worker can
    ///   be started.
    func run(_ input: StandardInput) async throws(Failure) {
        bar?.start { [self] now in
            state.withLock { $0.progress.textLine(at: now, running: $0.tasks.running) }
        }
        defer { bar?.stop() }
        adviseWhenSilent()
        Task.onLoop { [self] in await begin(input) }
        while let outcome = await nextOutcome() { try await print(outcome) }
        try await log?.flush()
        let (begun, failed, failure) = state.withLock { ($0.tasks.begun, $0.failed, $0.failure) }
        try await report.event(Event.poolEnd(tasks: begun, failed: failed.count))
        if failed.count == 0 {
            if let failure { throw failure }
            return
        }
        let summary = "\(failed.count) of \(begun) tasks failed: \(failed.inWords)"
        if let failure {
            throw Failure(failure.status, "\(failure.message ?? ""); \(summary), and no further task was begun")
        }
        var advice: [String] = []
        if options.retries == 0 { advice.append("--retries N tries a failed task again") }
        if log == nil { advice.append("--joblog FILE keeps how each task has ended") }
        throw Failure(.requestFailed, ([summary] + advice).joined(separator: "; "))
    }

    // MARK: Beginning

    private func begin(_ input: StandardInput) async {
        input.gate.open()
        do throws(Failure) {
            while let tasks = try await input.next() {
                for task in tasks {
                    guard await waitForRoom() else { return end(input) }
                    let line = state.withLock { $0.tasks.begin() }
                    Task.onLoop { [self] in await perform(task, line) }
                }
            }
        } catch { stop(error) }
        end(input)
    }

    /// - Returns: `false` if no further tasks are to begin.
    private func waitForRoom() async -> Bool {
        await withCheckedContinuation { continuation in
            let mayGoOn = state.withLock { state in
                if state.failure != nil || state.tasks.hasRoom { return true }
                state.reader = continuation
                return false
            }
            if mayGoOn { continuation.resume() }
        }
        return state.withLock { $0.failure == nil }
    }

    private func end(_ input: StandardInput) {
        input.gate.stop()
        wake { state in
            state.hasInputEnded = true
            if state.failure == nil { state.progress.total = state.tasks.begun }
        }
    }

    /// Lets no further tasks begin.
    private func stop(_ failure: Failure) {
        wake { $0.failure = $0.failure ?? failure }
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

    // MARK: One task

    private func perform(_ task: [UInt8], _ line: Int) async {
        var tries = 0
        while true {
            tries += 1
            let (wallClock, start) = (Self.secondsSince1970(), ContinuousClock.now)
            let result = await attempt(task)
            var entry = JobLogEntry(line: line, start: wallClock, runtime: ContinuousClock.now - start, task: task)
            switch result {
            case .success(let answer): entry.received = answer.count
            // The pool is closed when this program ends: that the task was cut short is no news.
            case .failure(let failure) where failure.code == .poolClosed: return
            case .failure(let failure):
                if tries <= options.retries, failure.isWorthAnotherTry {
                    await note("line \(line): \(failure.message); try \(tries + 1) of \(options.retries + 1)")
                    continue
                }
                entry.failure = failure
                // Why no worker can be started is said once, at the end.
                if let fault = failure.poolFault {
                    stop(fault)
                } else {
                    await note("line \(line) failed: \(failure.message)")
                }
            }
            do throws(Failure) { try await log?.write(entry) } catch { stop(error) }
            let outcome = TaskOutcome(line: line, result: result, size: task.count + 1)
            return wake { state in
                if case .failure = result { state.failed.add(line: line) }
                state.progress.add(outcome)
                state.tasks.finish(outcome)
            }
        }
    }

    /// Gives the task to a worker once.
    private func attempt(_ task: [UInt8]) async -> Result<any ReceivedContent, TaskFailure> {
        let content: MessageContent
        do throws(Failure) {
            content = try options.form.content(task)
        } catch { return .failure(TaskFailure(code: .notEncodable, message: error.message ?? "it cannot be sent")) }
        do throws(CallError) {
            let answer = try await pool.run(options.type, content.message, within: options.timeout)
            if answer.transferred.isEmpty { return .success(answer) }
            let things = answer.transferred.inWords
            for thing in answer.transferred { thing.close() }
            return .failure(
                TaskFailure(code: .handlerFailed, message: "the answer brought \(things), which connect has closed"))
        } catch { return .failure(TaskFailure(error, timeout: options.timeout)) }
    }

    // MARK: Printing

    /// Waits for the outcome that is to be printed next; nil when there will be no more.
    private func nextOutcome() async -> TaskOutcome? {
        while true {
            let (outcome, isDone) = state.withLock { state in
                (state.tasks.takePrintable(), state.hasInputEnded && state.tasks.isEmpty)
            }
            if let outcome {
                // There may be room for another task now.
                wake { _ in }
                return outcome
            }
            if isDone { return nil }
            await withCheckedContinuation { continuation in
                let mayGoOn = state.withLock { state in
                    if state.hasInputEnded && state.tasks.isEmpty || state.tasks.hasPrintable { return true }
                    state.printer = continuation
                    return false
                }
                if mayGoOn { continuation.resume() }
            }
        }
    }

    private func print(_ outcome: TaskOutcome) async throws(Failure) {
        switch outcome.result {
        case .success(let answer): try await show(answer, line: outcome.line)
        case .failure(let failure): try await report.event(Event.taskFailed(failure, line: outcome.line))
        }
    }

    private func show(_ answer: some ReceivedContent, line: Int) async throws(Failure) {
        if report.isJSON {
            let head: JSONObject = ["event": .string("answer"), "line": .integer(line)]
            try await report.textLine(MessageEvent(answer, in: head))
        } else if answer.contentKind != nil {
            try await report.textLine(MessageBytes(answer, beginning: bar?.outputPrefix ?? []), ending: [0x0A])
        }
    }

    private func note(_ text: String) async {
        await report.note((bar?.notePrefix ?? "") + TerminalText.escapedOnce(text))
    }

    /// With a command that never answers because it buffers its output, all would wait for ever without a word.
    private func adviseWhenSilent() {
        guard let advice = options.silenceAdvice else { return }
        _ = try? EventLoop.shared.schedule(after: Self.silence) { [self] in
            let isSilent = state.withLock { $0.progress.done == 0 && $0.tasks.running > 0 }
            if isSilent { Task.onLoop { [self] in await note(advice) } }
        }
    }

    // MARK: Facts

    /// How many bytes of standard input are left, if it is a regular file.
    private static func restOfFile() -> Int? {
        var facts = stat()
        guard fstat(0, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int(facts.st_size) - max(0, Int(lseek(0, 0, SEEK_CUR)))
    }

    private static func secondsSince1970() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
