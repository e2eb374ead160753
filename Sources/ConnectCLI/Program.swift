import ConnectTo
import Glibc
import LinuxIO
import Synchronization

/// One run of the command: ends when its work is done or when something ends it (a signal, a time limit, the
/// reader of standard output gone), and always leaves in order.
final class Program: Sendable {
    let report: Report
    private let end = Latch<End>()
    private let cleanups = Mutex<[@Sendable () async -> Void]>([])
    private let reactor: Reactor
    /// Keep what they watch open.
    private let watches = Mutex<[any Sendable]>([])

    private struct End: Sendable {
        let status: ExitStatus
        let failure: Failure?
        /// Whether something waits for us to go, so that there is a time limit to leaving.
        let isUrgent: Bool
    }

    /// How long leaving may take once somebody asked for it.
    private static let patience: Duration = .seconds(2)

    private init(_ options: CommonOptions) throws {
        reactor = try EventLoop.shared.reactor
        report = Report(
            output: try OutputStream(descriptor: 1, name: "stdout"),
            errors: try OutputStream(descriptor: 2, name: "stderr"),
            isJSON: options.json, isQuiet: options.quiet)
    }

    /// Does a command's work, and ends the process.
    static func start(_ command: any ProgramCommand) -> Never {
        do {
            let program = try Program(command.common)
            Task.onLoop { await program.run(command) }
        } catch {
            // Without a loop or a thread there is no way to say more.
            let line = "connect: cannot start: \(error)\n"
            _ = line.withCString { write(2, $0, strlen($0)) }
            _exit(ExitStatus.busUnavailable.code)
        }
        while true { pause() }
    }

    private func run(_ command: any ProgramCommand) async {
        do throws(SystemError) {
            try watchSignals()
            watchReader()
        } catch { fail(Failure(.busUnavailable, "cannot start: \(error)")) }
        Task.onLoop { [self] in
            do {
                finish(try await command.work(in: self))
            } catch {
                fail(Failure(error))
            }
        }
        await leave(await end.value)
    }

    // MARK: What ends it

    func finish(_ status: ExitStatus) {
        end.set(End(status: status, failure: nil, isUrgent: false))
    }

    func fail(_ failure: Failure) {
        end.set(End(status: failure.status, failure: failure, isUrgent: failure == .readerGone))
    }

    /// Ends the program when the time is over.
    func limit(to time: Duration) {
        reactor.schedule(after: time) { [self] in
            let failure = Failure(
                .timedOut,
                "not done within \(time.inSeconds) s (--timeout); allow more time, or look at the peer")
            end.set(End(status: failure.status, failure: failure, isUrgent: true))
        }
    }

    private func watchSignals() throws(SystemError) {
        let signals = try Signals(on: reactor) { [self] number in
            let isFirst = end.set(End(status: .signal(number), failure: nil, isUrgent: true))
            // The second one, or the first of somebody who does not want to wait for the rest.
            if !isFirst { _exit(ExitStatus.signal(number).code) }
        }
        watches.withLock { $0.append(signals) }
    }

    /// A pipe whose reader has gone says so without being written to, a terminal that was hung up too.
    private func watchReader() {
        // Always-ready kinds (files, /dev/null) cannot be watched, and have no reader to lose.
        let source = try? reactor.watch(1, for: []) { [self] readiness in
            guard !readiness.isDisjoint(with: [.error, .hangup]) else { return }
            // Level-triggered: watched on, it would fire again at once.
            for source in watches.withLock({ $0.compactMap { $0 as? Reactor.Source } }) { source.cancel() }
            fail(.readerGone)
        }
        if let source { watches.withLock { $0.append(source) } }
    }

    // MARK: Leaving

    /// Has something done on the way out, whatever the way. Last in, first out.
    func atEnd(_ cleanup: @escaping @Sendable () async -> Void) {
        cleanups.withLock { $0.append(cleanup) }
    }

    private func leave(_ end: End) async -> Never {
        if end.isUrgent {
            reactor.schedule(after: Self.patience) { _exit(end.status.code) }
        }
        if let failure = end.failure { await report.failure(failure) }
        await cleanUp()
        var status = end.status
        do throws(Failure) {
            try await report.flush()
        } catch {
            if status == .success { status = error.status }
            if !end.isUrgent { await report.failure(error) }
            try? await report.errors.flush()
        }
        _exit(status.code)
    }

    /// Runs the cleanups; a peer or a bus that does not answer holds up nobody for longer than the patience.
    private func cleanUp() async {
        let isDone = Latch<Void>()
        let timer = reactor.schedule(after: Self.patience) { isDone.set() }
        Task.onLoop { [self] in
            for cleanup in cleanups.withLock({ $0 }).reversed() { await cleanup() }
            isDone.set()
        }
        await isDone.value
        timer.cancel()
    }
}
