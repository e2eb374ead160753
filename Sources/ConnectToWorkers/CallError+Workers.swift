public import ConnectToMessaging

extension CallError.Code {
    /// The worker's process ended while the request was under way; ``ConnectToMessaging/CallError/workerExit`` says how.
    public static let workerCrashed = CallError.Code(rawValue: "worker-crashed")
    /// The worker could not be started, or ended or said nothing before it was ready.
    public static let workerNotStarted = CallError.Code(rawValue: "worker-not-started")
    /// So many starts have failed in a row that the pool has given up, until it is reset. The error of the last of them
    /// is the `cause` of it.
    public static let poolBroken = CallError.Code(rawValue: "pool-broken")
    /// The pool takes no more tasks.
    public static let poolClosed = CallError.Code(rawValue: "pool-closed")
}

extension CallError {
    /// How the worker's process ended, with ``Code/workerCrashed``, and with ``Code/workerNotStarted`` where it was
    /// started; with ``Code/poolBroken`` that of the last start.
    public var workerExit: WorkerExit? { cause as? WorkerExit ?? (cause as? CallError)?.workerExit }
}
