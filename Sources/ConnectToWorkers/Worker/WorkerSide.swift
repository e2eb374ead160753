import CConnectToLinux
import ConnectTo
import ConnectToLinux
import ConnectToMessaging
import Glibc

/// What keeps a worker's process on its line: when that ends, the process does.
final class WorkerSide: Sendable {
    let messenger: Messenger
    private let loop: EventLoop
    private let grace: Duration
    private let isEnding = Latch<Void>()
    /// Shows the end of the line while the messenger has not been started, and so does not look.
    private let hangup: Lock<(descriptor: Descriptor, watch: EventLoop.Watch)?>
    private let signals: [Descriptor]

    /// Takes descriptor 0.
    init(grace: Duration, options: MessengerOptions) throws {
        self.grace = grace
        let port: MessagePort
        let line: Descriptor
        do {
            loop = try EventLoop.shared
            line = Descriptor(adopting: try systemCall("dup") { clinux_duplicate(STDIN_FILENO) })
            port = try MessagePort(adopting: STDIN_FILENO)
        } catch {
            throw CallError(
                .workerNotStarted,
                "this program is a worker, and its standard input is no line to a parent: start it by WorkerProcess, a "
                    + "WorkerPool or `connect pool`", cause: error)
        }
        clinux_write_out_lines()
        clinux_make_harmless(SIGINT)
        // A stopped worker has to go on to see that its parent has gone. SIGCONT does nothing to one that runs.
        clinux_signal_when_parent_ends(SIGCONT)
        messenger = Messenger(port, options: options, starts: false)
        var numbers: [Int32] = [-1, -1]
        try systemCall("pipe") { clinux_pipe(&numbers, 1) }
        signals = numbers.map { Descriptor(adopting: $0) }
        hangup = Lock(nil)
        let hangupWatch = try loop.watch(line.rawValue, for: .peerHangup) { [weak self] _ in self?.end() }
        hangup.withLock { $0 = (line, hangupWatch) }
        _ = try loop.watch(numbers[0], for: .read, edgeTriggered: true) { [weak self] _ in self?.end() }
        var terminate = SIGTERM
        try systemCall("sigaction") { clinux_signals_to(numbers[1], &terminate, 1, false) }
    }

    /// Says hello.
    func serve() {
        messenger.start()
        // The messenger looks for itself from now on.
        stopLooking()
        // On the loop: handlers may keep all threads of Swift's pool.
        Task(executorPreference: loop.executor) { [self] in
            _ = try? await messenger.waitUntilClosed()
            end()
        }
    }

    /// Waits until the line has ended, and with it all that the handlers do.
    func waitUntilHandlersReturn() async {
        _ = await isEnding.wait()
        await messenger.waitUntilHandlersReturn()
    }

    /// Kills all other processes of the session.
    func endSession() { killSession(getpid(), sparing: getpid()) }

    /// Ends the worker; on the loop.
    private func end() {
        guard isEnding.set() else { return }
        stopLooking()
        messenger.close()
        loop.schedule(after: grace) {
            killSession(getpid(), sparing: getpid())
            kill(0, SIGKILL)
        }
    }

    private func stopLooking() {
        let hangup = hangup.withLock { hangup in
            defer { hangup = nil }
            return hangup
        }
        hangup?.watch.cancel()
    }
}
