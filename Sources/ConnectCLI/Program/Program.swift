import ConnectTo
import ConnectToLinux
import Glibc

/// One run of the command. It ends when its work is done, or at a signal, a time limit or the loss of the reader of
/// standard output. It runs its cleanups before it exits, unless a second signal or the grace period cuts them short.
final class Program: Sendable {
    let report: Report
    private let readerLoss: ReaderLoss
    private let end = Latch<End>()
    private let cleanups = Lock<[@Sendable (ExitStatus) async -> Void]>([])
    private let loop: EventLoop
    /// Keeps the signal handlers and event sources alive.
    private let watches = Lock<[any Sendable]>([])

    private struct End: Sendable {
        let status: ExitStatus
        let failure: Failure?
        /// How long the cleanups and the output may take, if a person or a program is waiting for the exit; nil waits
        /// for all output.
        let gracePeriod: Duration?
    }

    /// How long the exit may take after a request to end.
    private static let gracePeriod: Duration = .seconds(2)
    /// How long the exit may take after `--timeout`: enough for a message, too short to wait for a peer.
    private static let shortGracePeriod: Duration = .milliseconds(100)

    private init(_ options: OutputOptions, _ readerLoss: ReaderLoss) throws {
        self.readerLoss = readerLoss
        loop = try EventLoop.shared
        report = Report(
            output: OutputStream(descriptor: 1, name: "stdout"),
            errors: OutputStream(descriptor: 2, name: "stderr"),
            isJSON: options.json, isQuiet: options.quiet)
    }

    /// Does the work on the event loop, and ends the process.
    ///
    /// - Parameters:
    ///   - readerLoss: what to do when standard output has no reader any more.
    ///   - work: returns the exit status. An error that it throws becomes a text line and an exit code.
    static func start(
        _ options: OutputOptions, readerLoss: ReaderLoss,
        _ work: @escaping @Sendable (Program) async throws -> ExitStatus
    ) -> Never {
        do {
            let program = try Program(options, readerLoss)
            Task.onLoop { await program.run(work) }
        } catch {
            // Without a loop or a thread there is no other way to report the error.
            let line = "connect: cannot start: \(error)\n"
            _ = line.withCString { write(2, $0, strlen($0)) }
            _exit(ExitStatus.inputOutput.code)
        }
        while true { pause() }
    }

    private func run(_ work: @escaping @Sendable (Program) async throws -> ExitStatus) async {
        do {
            try watchSignals()
            watchReader()
            // A program that runs long needs its output threads now: later there may be no descriptors left to report
            // that.
            if readerLoss != .noticedInWriting { try report.prepare() }
            report.output.onFailure { [self] in fail(Report.failure(of: $0)) }
        } catch {
            fail(.outOfResources("cannot start", error))
        }
        Task.onLoop { [self] in
            do {
                finish(try await work(self))
            } catch {
                fail(Failure(error))
            }
        }
        if let end = await end.wait() { await leave(end) }
    }

    /// Allocates now what a listener needs to serve peers, so that it fails at its start rather than with a peer.
    /// - Throws: ``Failure`` 74.
    func prepareToServe() throws(Failure) {
        do throws(SystemError) {
            try Descriptor.prepareClosing()
        } catch { throw .outOfResources("no caller can be served", error) }
    }

    // MARK: What ends the program

    /// Whether something has ended the program, so that what happens from now on may be its own doing.
    var isEnding: Bool { end.value != nil }

    func finish(_ status: ExitStatus) {
        end.set(End(status: status, failure: nil, gracePeriod: nil))
    }

    func fail(_ failure: Failure) {
        let gracePeriod = failure == .readerGone ? Self.gracePeriod : nil
        if isFailure(failure) {
            end.set(End(status: failure.status, failure: failure, gracePeriod: gracePeriod))
        } else {
            end.set(End(status: .success, failure: nil, gracePeriod: gracePeriod))
        }
    }

    /// The loss of a reader is no failure if the reader may go at any time.
    private func isFailure(_ failure: Failure) -> Bool {
        failure != .readerGone || readerLoss != .end
    }

    /// Ends the program when the time is over, even if its exit is held up.
    /// - Parameter failure: makes the failure to report.
    func limit(to time: Duration, _ failure: @escaping @Sendable () -> Failure) {
        loop.schedule(after: time) { [self] in
            let failure = failure()
            if end.set(End(status: failure.status, failure: failure, gracePeriod: Self.shortGracePeriod)) {
                return
            }
            // The program is exiting already and is held up, for example by a slow reader of standard output. An
            // earlier failure stays the result.
            let former = end.value?.status ?? .success
            if former == .success { Task.onLoop { [report] in await report.failure(failure) } }
            let status = former == .success ? failure.status : former
            loop.schedule(after: Self.shortGracePeriod) { _exit(status.code) }
        }
    }

    private func watchSignals() throws {
        let signals = try Signals(Signals.ending, insists: true, on: loop) { [self] number in
            let isFirst = end.set(End(status: .signal(number), failure: nil, gracePeriod: Self.gracePeriod))
            // Either a second signal, or a first one from a user who does not want to wait for the exit in progress.
            if !isFirst { _exit(ExitStatus.signal(number).code) }
        }
        watches.withLock { $0.append(signals) }
    }

    /// A pipe reports that its reader has gone, and a terminal that it was hung up, without any write.
    private func watchReader() {
        // epoll cannot watch files or /dev/null; they have no reader to lose.
        let watch = try? loop.watch(1, for: []) { [self] readiness in
            guard !readiness.isDisjoint(with: [.error, .hangup]) else { return }
            // Unless it is cancelled, a level-triggered watch calls again at once.
            for watch in watches.withLock({ $0.compactMap { $0 as? EventLoop.Watch } }) { watch.cancel() }
            report.output.readerGone.set()
            if readerLoss != .noticedInWriting { fail(.readerGone) }
        }
        if let watch { watches.withLock { $0.append(watch) } }
    }

    // MARK: Exiting

    /// Registers a cleanup, which runs however the program ends, and receives the exit status. The last one registered
    /// runs first.
    func atEnd(_ cleanup: @escaping @Sendable (ExitStatus) async -> Void) {
        cleanups.withLock { $0.append(cleanup) }
    }

    private func leave(_ end: End) async -> Never {
        if let gracePeriod = end.gracePeriod {
            loop.schedule(after: gracePeriod) { _exit(end.status.code) }
        }
        if let failure = end.failure { await report.failure(failure) }
        await cleanUp(after: end)
        var status = end.status
        do throws(Failure) {
            try await report.flush()
        } catch {
            if status == .success, isFailure(error) { status = error.status }
            if end.gracePeriod == nil, error != end.failure { await report.failure(error) }
            try? await report.errors.flush()
        }
        _exit(status.code)
    }

    /// Runs the cleanups. A peer or a bus that does not answer cannot delay the exit beyond the grace period.
    private func cleanUp(after end: End) async {
        let isDone = Latch<Void>()
        let timer = loop.schedule(after: end.gracePeriod ?? Self.gracePeriod) { isDone.set() }
        Task.onLoop { [self] in
            for cleanup in cleanups.withLock({ $0 }).reversed() { await cleanup(end.status) }
            isDone.set()
        }
        _ = await isDone.wait()
        timer.cancel()
    }
}

extension Program {
    /// Reports when the bus goes away, and when it is back. The loss of the bus is reported by the calls that need it.
    func reportStatus(of bus: Bus) {
        Task.onLoop { [report, changes = bus.statusChanges] in
            var last = Bus.Status.connected
            for await status in changes where status != last && status != .lost {
                last = status
                // ``watchReader()`` notices that the reader of standard output has gone.
                try? await report.event(Event.bus(status))
                await report.note(
                    status == .connected
                        ? "the bus is back"
                        : "the bus is gone; open ports go on, and everything else waits for the bus")
            }
        }
    }
}

/// What a program does when standard output has no reader any more.
enum ReaderLoss: Sendable {
    /// Nothing, until a write fails; then the program ends with 74.
    case noticedInWriting
    /// Ends with 74, even if there is nothing to write: other programs rely on this one.
    case failure
    /// Ends with 0, even if there is nothing to write: the reader has seen what it wanted to see.
    case end
}
