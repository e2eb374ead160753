import ConnectTo
import ConnectToLinux
import Glibc

/// One run of the command: ends when its work is done or when something ends it (a signal, a time limit, the
/// reader of standard output gone), and always leaves in order.
final class Program: Sendable {
    let report: Report
    private let readerLoss: ReaderLoss
    private let end = Latch<End>()
    private let cleanups = Lock<[@Sendable (ExitStatus) async -> Void]>([])
    private let loop: EventLoop
    /// Keep what they watch open.
    private let watches = Lock<[any Sendable]>([])

    private struct End: Sendable {
        let status: ExitStatus
        let failure: Failure?
        /// How long leaving may take, where something waits for us to go; else nothing is left out.
        let gracePeriod: Duration?
    }

    /// How long leaving may take once somebody asked for it.
    private static let gracePeriod: Duration = .seconds(2)
    /// How long it may take once the time for all of it is over: enough for a word, too short to wait for anybody.
    private static let shortGracePeriod: Duration = .milliseconds(100)

    private init(_ options: CommonOptions, _ readerLoss: ReaderLoss) throws {
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
    ///   - readerLoss: what it means that nobody reads standard output any more.
    ///   - work: says how it ended; what it throws becomes a line and an exit code.
    static func start(
        _ options: CommonOptions, readerLoss: ReaderLoss,
        _ work: @escaping @Sendable (Program) async throws -> ExitStatus
    ) -> Never {
        do {
            let program = try Program(options, readerLoss)
            Task.onLoop { await program.run(work) }
        } catch {
            // Without a loop or a thread there is no way to say more.
            let line = "connect: cannot start: \(error)\n"
            _ = line.withCString { write(2, $0, strlen($0)) }
            _exit(ExitStatus.inputOutput.code)
        }
        while true { pause() }
    }

    private func run(_ work: @escaping @Sendable (Program) async throws -> ExitStatus) async {
        do throws(SystemError) {
            try watchSignals()
            watchReader()
            // What lasts has to be able to say so when there is nothing left.
            if readerLoss != .noticedInWriting { try report.prepare() }
            report.output.onFailure { [self] in fail(Report.failure(of: $0)) }
        } catch {
            fail(Failure(PortError.outOfResources("cannot start", error)))
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

    /// Makes now what a listener needs for whatever peers do, so that it does not find out then that it is not to be had.
    /// - Throws: ``Failure`` 74.
    func prepareToServe() throws(Failure) {
        do throws(SystemError) {
            try Descriptor.prepareClosing()
        } catch { throw Failure(PortError.outOfResources("no peer can be served", error)) }
    }

    // MARK: What ends it

    /// Whether something has ended it, so that what is seen from now on may be of our own doing.
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

    /// All but the loss of a reader who may go when he likes.
    private func isFailure(_ failure: Failure) -> Bool {
        failure != .readerGone || readerLoss != .end
    }

    /// Ends the program when the time is over, even one that is held up in leaving.
    /// - Parameter failure: what is to be said then.
    func limit(to time: Duration, _ failure: @escaping @Sendable () -> Failure) {
        loop.schedule(after: time) { [self] in
            let failure = failure()
            if end.set(End(status: failure.status, failure: failure, gracePeriod: Self.shortGracePeriod)) {
                return
            }
            // Leaving already, and held up: by who reads our output, for one. What went wrong before stands.
            let former = end.value?.status ?? .success
            if former == .success { Task.onLoop { [report] in await report.failure(failure) } }
            let status = former == .success ? failure.status : former
            loop.schedule(after: Self.shortGracePeriod) { _exit(status.code) }
        }
    }

    private func watchSignals() throws(SystemError) {
        let signals = try Signals(Signals.ending, insists: true, on: loop.reactor) { [self] number in
            let isFirst = end.set(End(status: .signal(number), failure: nil, gracePeriod: Self.gracePeriod))
            // The second one, or the first of somebody who does not want to wait for the rest.
            if !isFirst { _exit(ExitStatus.signal(number).code) }
        }
        watches.withLock { $0.append(signals) }
    }

    /// A pipe whose reader has gone says so without being written to, a terminal that was hung up too.
    private func watchReader() {
        // Always-ready kinds (files, /dev/null) cannot be watched, and have no reader to lose.
        let source = try? loop.reactor.watch(1, for: []) { [self] readiness in
            guard !readiness.isDisjoint(with: [.error, .hangup]) else { return }
            // Level-triggered: watched on, it would fire again at once.
            for source in watches.withLock({ $0.compactMap { $0 as? Reactor.Source } }) { source.cancel() }
            report.output.readerGone.set()
            if readerLoss != .noticedInWriting { fail(.readerGone) }
        }
        if let source { watches.withLock { $0.append(source) } }
    }

    // MARK: Leaving

    /// Has something done on the way out, whatever the way; it is told how the program ends. Last in, first out.
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

    /// Runs the cleanups; a peer or a bus that does not answer holds up nobody for longer than the grace period.
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
