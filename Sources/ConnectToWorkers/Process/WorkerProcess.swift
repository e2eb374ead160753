public import ConnectTo
import ConnectToLinux
public import ConnectToMessaging

/// One worker: a process that this program has started, and the line to it.
///
/// ```swift
/// let worker = try await WorkerProcess.start(.executable("thumbnail-worker"))
/// worker.on(Progress.done) { progress, _ in show(progress) }
/// let thumbnail = try await worker.request(Thumbnails.render, image, within: .seconds(10))
/// await worker.terminate()
/// ```
///
/// The worker may be any program that takes its descriptor 0 as its end of the line and speaks `dbus/CALLS.md` on it; in
/// Swift that is ``Worker/main(grace:options:atEnd:_:)``. Requests, streams and events go over ``messenger``, in both
/// directions, with files, ports and memory as everywhere.
///
/// **Crashes.** Whatever ends the worker, a request of ``request(_:_:within:)-(Request<Query,Answer>,_,_)`` that was under way fails within a second
/// with `workerCrashed` and ``ConnectToMessaging/CallError/workerExit``: how it ended, and what it wrote last. An answer
/// that the worker has sent is received, also where it was killed right after: the line is read to its end first. A
/// worker that closes its line and lives on is asked to end (SIGTERM) after half a second, and killed after another.
///
/// **The end.** A worker ends with this program, however this ends; with ``terminate(grace:)``; and when the last
/// reference to this object is gone, which kills it without patience. With the worker's process end all processes of its
/// session, so what it has started goes too, unless that has made a session of its own.
///
/// The exit is seen by a pidfd on the loop: there is no handler of SIGCHLD, and other children of this program are left
/// alone. An idle worker costs this program three descriptors (socket, pipe and pidfd) and no thread.
public final class WorkerProcess: CallHandling {
    /// The line to the worker. It ends with the worker; where it is closed here, the worker ends.
    public var messenger: Messenger { life.messenger }
    /// The number of the worker's process. Once it has ended (``exit``) another process may have it.
    public var processID: Int32 { life.process.pid }
    /// Handlers of what the worker asks and tells this program.
    public var handlers: Handlers { life.messenger.handlers }
    /// How the worker has ended; nil while it runs, and until its line has been read to its end.
    public var exit: WorkerExit? { life.exited.value }

    let life: WorkerLife

    private init(_ life: WorkerLife) {
        self.life = life
    }

    deinit {
        life.kill()
    }

    // MARK: Starting

    /// Starts a worker, and waits until it is ready: until its messenger has said hello, which ``Worker`` does when it has
    /// been set up.
    ///
    /// Starting a program blocks while its file is read, so that is done on a thread of its own; this call suspends.
    ///
    /// - Parameters:
    ///   - program: what is started.
    ///   - handlers: what answers the worker's requests and hears its events, perhaps that of other workers too.
    ///   - options: how the line is treated on this side.
    /// - Throws: ``ConnectToMessaging/CallError``, and no process is left: `workerNotStarted` where the program cannot be
    ///   run, ends before it is ready (then ``ConnectToMessaging/CallError/workerExit`` says how) or takes longer than
    ///   ``WorkerProgram/startLimit``; `cancelled` where the task is cancelled.
    public static func start(
        _ program: WorkerProgram, handlers: Handlers = Handlers(), options: MessengerOptions = MessengerOptions()
    ) async throws(CallError) -> WorkerProcess {
        let deadline = SuspendingClock.now.advanced(by: program.startLimit)
        let launch = try WorkerLaunch(program)
        let process = try await launch.run(until: deadline)
        let life = WorkerLife(process, launch, handlers: handlers, options: options)
        try await life.waitUntilReady(until: deadline)
        return WorkerProcess(life)
    }

    // MARK: Asking

    /// Asks the worker, and waits for its answer.
    ///
    /// - Parameters:
    ///   - request: what is asked.
    ///   - query: the question.
    ///   - limit: how long to wait in all; 5 s if not set.
    /// - Throws: ``ConnectToMessaging/CallError``, as `Messenger.request`, and with `workerCrashed` where the worker has
    ///   ended.
    public func request<Query, Answer>(
        _ request: Request<Query, Answer>, _ query: Query, within limit: Duration? = .seconds(5)
    ) async throws(CallError) -> Answer {
        do throws(CallError) {
            return try await messenger.request(request, query, within: limit)
        } catch { throw await explained(error) }
    }

    /// Asks the worker a question without a payload.
    public func request<Answer>(
        _ request: Request<NoPayload, Answer>, within limit: Duration? = .seconds(5)
    ) async throws(CallError) -> Answer {
        do throws(CallError) {
            return try await messenger.request(request, within: limit)
        } catch { throw await explained(error) }
    }

    /// Asks the worker a question of a type that is known only now.
    public func request(
        _ type: String, _ payload: OutgoingMessage? = nil, within limit: Duration? = .seconds(5)
    ) async throws(CallError) -> Payload {
        do throws(CallError) {
            return try await messenger.request(type, payload, within: limit)
        } catch { throw await explained(error) }
    }

    /// What a request or stream of ``messenger`` has ended with, in terms of the worker: `lineEnded` becomes
    /// `workerCrashed`, with the exit, where it was the worker that has ended the line. Any other error is returned as
    /// it is.
    ///
    /// It waits until the process has ended, half a second at the most.
    public func explained(_ error: CallError) async -> CallError { await life.explained(error) }

    // MARK: Ending

    /// Waits until the worker's process has ended and its line has been read to its end. It does not end the worker.
    ///
    /// It goes on waiting where the task is cancelled.
    public func waitUntilExited() async -> WorkerExit { await life.waitUntilExited() }

    /// Ends the worker in order: the line is closed, which ends its requests and tells it to end. A worker that still
    /// runs at half of the grace gets SIGTERM, with its process group, and at the end of it all processes of its session are killed. A stopped
    /// worker is continued first.
    ///
    /// It goes on where the task is cancelled. A second call with a shorter grace shortens it.
    ///
    /// - Returns: how the worker has ended, once it has.
    @discardableResult
    public func terminate(grace: Duration = .seconds(1)) async -> WorkerExit {
        life.terminate(grace: grace)
        return await life.waitUntilExited()
    }

    /// Kills the worker, with all that it has started, and returns at once; ``waitUntilExited()`` returns soon after. A
    /// request under way fails with `lineEnded`.
    public func kill() { life.kill() }
}
