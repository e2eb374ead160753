public import ConnectToMessaging

/// One worker.
public final class WorkerProcess: CallHandling {
    /// The line to the worker.
    public let messenger: Messenger
    public let processID: Int32

    public var handlers: Handlers { messenger.handlers }

    /// Starts a worker, and waits until it is ready.
    public static func start(
        _ program: WorkerProgram, handlers: Handlers = Handlers(), options: MessengerOptions = MessengerOptions()
    ) async throws(CallError) -> WorkerProcess {
        throw CallError(.workerNotStarted, "not built yet")
    }

    init(messenger: Messenger, processID: Int32) {
        self.messenger = messenger
        self.processID = processID
    }

    /// How the worker has ended; nil while it has not.
    public var exit: WorkerExit? { nil }

    /// Waits until the process has ended and the line has been read to its end.
    public func waitUntilExited() async -> WorkerExit {
        WorkerExit(cause: .unknown, errorLines: "", processID: processID)
    }

    /// Ends the worker.
    @discardableResult
    public func terminate(grace: Duration = .seconds(1)) async -> WorkerExit { await waitUntilExited() }

    /// Kills the worker, with all that it has started.
    public func kill() {}

    /// What a request has ended with, once it is known whether the worker has crashed.
    func explained(_ error: CallError) async -> CallError { error }
}
