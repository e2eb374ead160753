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
        /// Whether the command is the worker itself, and not this program with the command.
        var isCommandWorker: Bool
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

    private let pool: WorkerPool
    private let options: Options
    private let report: Report
    private let log: JobLog?
    private let bar: TaskProgressBar?
    private let flow: TaskFlow

    /// How long no task may be done before ``Options/silenceAdvice`` is given.
    private static let silence = Duration.seconds(5)

    init(_ pool: WorkerPool, _ options: Options, report: Report, log: JobLog?) {
        self.pool = pool
        self.options = options
        self.report = report
        self.log = log
        bar = TaskProgressBar(report)
        flow = TaskFlow(
            OpenTasks(isOrdered: options.isOrdered, limits: OpenTasks.Limits(running: options.jobs)),
            TaskProgress(inputSize: bar == nil ? nil : Self.restOfFile()))
    }

    /// Does all tasks.
    /// - Throws: ``Failure``: 70 if tasks have failed, 74 if something could not be read or written, 76 if no worker can
    ///   be started.
    func run(_ input: StandardInput) async throws(Failure) {
        bar?.start { [flow] now in flow.progressLine(at: now) }
        defer { bar?.stop() }
        adviseWhenSilent()
        Task.onLoop { [self] in await begin(input) }
        while let outcome = await flow.next() { try await print(outcome) }
        try await log?.flush()
        let (begun, failed, failure) = flow.summary
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

    /// Gives each text line to a worker, as there is room for it.
    private func begin(_ input: StandardInput) async {
        input.gate.open()
        defer {
            input.gate.stop()
            flow.endInput()
        }
        do throws(Failure) {
            while let tasks = try await input.next() {
                for task in tasks {
                    guard let line = await flow.begin() else { return }
                    Task.onLoop { [self] in await perform(task, line) }
                }
            }
        } catch { flow.stop(error) }
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
                    flow.stop(fault)
                } else {
                    await note("line \(line) failed: \(failure.message)")
                }
            }
            do throws(Failure) { try await log?.write(entry) } catch { flow.stop(error) }
            return flow.finish(TaskOutcome(line: line, result: result, size: task.count + 1))
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
        } catch { return .failure(TaskFailure(error, timeout: options.timeout, isOfCommand: options.isCommandWorker)) }
    }

    // MARK: Printing

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
            if flow.isSilent { Task.onLoop { [self] in await note(advice) } }
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
