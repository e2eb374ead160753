public import ConnectTo

extension Messenger {
    /// Gives the port back, for another messenger to go on with: in this process, or, transferred with a message, in
    /// another one.
    ///
    /// ```swift
    /// let port = try await messenger.release()
    /// try worker.postMessage(.text("take over", transfer: [.port(port)]))
    /// ```
    ///
    /// The other program is asked to send no more requests and events for a while. What it wants to send waits there,
    /// with its deadlines and limits, and arrives at the new owner, in order, each once. This call returns when nothing
    /// is under way: all requests have been answered, in both directions, all handlers of events have returned here, and
    /// what this program has sent has left its queues. Until then this messenger goes on as usual, so a program that
    /// keeps asking over it keeps it from being released. Handlers of events may still run in the other program.
    ///
    /// Then this messenger is over, with `CloseReason.Code.transferred`; the other program's goes on, and notices
    /// nothing but the pause. The port is open. A new owner that makes a ``Messenger`` of it gives handlers and options
    /// anew. A program that closes it instead ends the line.
    ///
    /// A handler must not call this for its own line, since its own request is under way until it returns. Both programs
    /// may release a line at the same time; the one that comes second waits for the messenger of the other end's new
    /// owner, if the first one has its end already.
    ///
    /// - Parameter limit: how long to wait for all of that. The other program is held meanwhile.
    /// - Throws: ``CallError``, and the messenger goes on as before: ``CallError/Code/timedOut`` where the limit ends
    ///   first, ``CallError/Code/cancelled`` where the task is cancelled, ``CallError/Code/alreadyReleasing``; or
    ///   ``CallError/Code/lineEnded``.
    public func release(within limit: Duration = .seconds(5)) async throws(CallError) -> MessagePort {
        try await line.release(within: limit)
    }
}
