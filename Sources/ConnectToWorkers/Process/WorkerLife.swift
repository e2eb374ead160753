import ConnectTo
import ConnectToLinux
import ConnectToMessaging
import Glibc

/// A worker's process and line, from the start of the process until both are over. Whatever happens to either, the other
/// follows, and then the exit is known.
final class WorkerLife: Sendable {
    private struct State {
        var watch: EventLoop.Watch?
        var processHasEnded = false
        /// How the process has ended, once it and its session are gone.
        var ending: StartedProcess.Ending?
        var lineIsOver = false
        /// Whether this program has ended the worker.
        var isEnded = false
        var timers: [EventLoop.Timer] = []
    }

    /// How long the process of a worker without a line may run on until SIGTERM, and then until SIGKILL; and how long
    /// processes outside of its session may keep the line of a worker that has ended.
    static let patience: Duration = .milliseconds(500)

    let process: StartedProcess
    let messenger: Messenger
    /// Set when the process has ended and the line has been read to its end.
    let exited = Latch<WorkerExit>()
    private let label: String
    private let errors: ErrorLines
    private let loop: EventLoop
    private let startLimit: Duration
    /// Set when it is known whether the worker has ended with its line: with the exit, or with nil where it lives on.
    private let judged = Latch<WorkerExit?>()
    private let state = Lock(State())

    init(_ process: StartedProcess, _ launch: WorkerLaunch, handlers: Handlers, options: MessengerOptions) {
        self.process = process
        label = launch.label
        errors = launch.errors
        loop = launch.loop
        startLimit = launch.program.startLimit
        messenger = Messenger(launch.port, handlers: handlers, options: options)
        // On the loop, so that a worker's crash is told however busy Swift's pool is.
        Task(executorPreference: loop.executor) { [self] in
            _ = try? await messenger.waitUntilClosed()
            lineEnded()
        }
        watchProcess()
    }

    private func watchProcess() {
        do throws(PortError) {
            guard let descriptor = process.descriptor else { return loop.execute { [self] in processEnded() } }
            // The loop keeps this object until the process has ended.
            let watch = try loop.watch(descriptor.rawValue, for: .read) { [self] _ in processEnded() }
            state.withLock { $0.watch = watch }
        } catch {
            // Without a watch its end would not be seen.
            loop.execute { [self] in processEnded() }
        }
    }

    // MARK: Starting

    /// - Throws: `CallError`, and the process is gone.
    func waitUntilReady(until deadline: SuspendingClock.Instant) async throws(CallError) {
        let isLate = Latch<Void>()
        let timer = loop.schedule(after: SuspendingClock.now.duration(to: deadline)) { [self] in
            isLate.set()
            kill()
        }
        defer { timer.cancel() }
        do throws(PortError) {
            return try await messenger.waitUntilOpen()
        } catch {
            let isCancelled = error.code == .cancelled
            if isCancelled { kill() }
            let exit = await waitUntilExited()
            if isCancelled {
                throw CallError(.cancelled, "the task that waited for the worker \(label) was cancelled")
            }
            if isLate.value != nil {
                throw WorkerLaunch.failure(
                    label,
                    "it was not ready within \(startLimit), and was killed; a worker says hello on its descriptor 0 "
                        + "(Worker.main)", cause: exit)
            }
            if error.reason?.code == .protocolError, let reason = error.reason {
                throw WorkerLaunch.failure(label, "\(reason.detail); is it a worker?", cause: exit)
            }
            throw WorkerLaunch.failure(label, "before it was ready, \(exit)", cause: exit)
        }
    }

    // MARK: Ending

    func waitUntilExited() async -> WorkerExit {
        if let exit = exited.value { return exit }
        // Also where the waiting task is cancelled: in a task that is not.
        let exit = await Task { [exited] in await exited.wait() }.value
        return exit ?? WorkerExit(cause: .unknown, errorLines: "", processID: process.pid)
    }

    func terminate(grace: Duration) {
        state.withLock { $0.isEnded = true }
        messenger.close()
        endProcess(within: grace)
    }

    func kill() {
        state.withLock { $0.isEnded = true }
        // Before the line is closed: the worker would see that, and might end by itself and look as if it had ended well.
        process.signalGroup(SIGKILL)
        messenger.close()
    }

    /// Gives the process time to end by itself, then less, and then none.
    private func endProcess(within grace: Duration) {
        guard grace > .zero else { return process.signalGroup(SIGKILL) }
        process.signalGroup(SIGCONT)
        let timers = [
            loop.schedule(after: grace / 2) { [process] in process.signalGroup(SIGTERM) },
            loop.schedule(after: grace) { [process] in process.signalGroup(SIGKILL) },
        ]
        let isOver = state.withLock { state in
            state.timers += timers
            return state.ending != nil
        }
        if isOver { for timer in timers { timer.cancel() } }
    }

    /// The process has ended. Until it is reaped, its number is that of its session, whose other processes end with it.
    private func processEnded() {
        // Perhaps the watch has called before it was stored: then it calls once more.
        let (watch, isFirst) = state.withLock { state in
            defer { (state.watch, state.processHasEnded) = (nil, true) }
            return (state.watch, !state.processHasEnded)
        }
        watch?.cancel()
        guard isFirst else { return }
        process.endElsewhere { [self] ending in loop.execute { [self] in sessionEnded(ending) } }
    }

    private func sessionEnded(_ ending: StartedProcess.Ending) {
        let timers = state.withLock { state in
            state.ending = ending
            defer { state.timers = [] }
            return state.timers
        }
        for timer in timers { timer.cancel() }
        finishIfOver()
        // A process in a session of its own may have the line.
        if exited.value == nil { loop.schedule(after: Self.patience) { [messenger] in messenger.close() } }
    }

    /// The line has been read to its end.
    private func lineEnded() {
        state.withLock { $0.lineIsOver = true }
        finishIfOver()
        if exited.value != nil { return }
        loop.schedule(after: Self.patience) { [self] in
            judged.set(nil)
            if state.withLock({ $0.ending == nil && !$0.isEnded }) { endProcess(within: Self.patience * 2) }
        }
    }

    private func finishIfOver() {
        let ending: StartedProcess.Ending? = state.withLock { $0.lineIsOver ? $0.ending : nil }
        guard let ending, exited.value == nil else { return }
        let cause: WorkerExit.Cause =
            switch ending {
            case .exited(let status): .exited(status)
            case .signaled(let number): .signaled(number)
            case .unknown: .unknown
            }
        let exit = WorkerExit(cause: cause, errorLines: errors.finish(), processID: process.pid)
        judged.set(exit)
        exited.set(exit)
    }

    // MARK: Explaining

    func explained(_ error: CallError) async -> CallError {
        guard error.code == .lineEnded, !state.withLock(\.isEnded) else { return error }
        let exit = await Task { [judged] in await judged.wait() }.value
        guard let exit = exit ?? nil else {
            return CallError(
                .workerCrashed, "the worker \(label) (process \(process.pid)) has closed its line; it is ended now",
                stage: error.stage, reason: error.reason)
        }
        return CallError(
            .workerCrashed, "the worker \(label) has ended: \(exit)", stage: error.stage, reason: error.reason,
            cause: exit)
    }
}
