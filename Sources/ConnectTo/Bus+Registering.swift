extension Bus {
    /// Registers a context: from the moment this returns, other programs find it.
    ///
    /// While the bus is away (``Status/reconnecting``) this waits for it, for ten seconds at the most; that time is fixed,
    /// and a program that wants another one cancels the task. ``BusLimits/absence`` is how long the bus may be away
    /// before it counts as lost.
    ///
    /// - Parameters:
    ///   - name: any UTF-8 except the empty string; see ``ContextName``.
    ///   - origin: the application id that the name lives under.
    ///   - options: everything else; see ``ContextOptions``.
    /// - Throws: ``ConnectToError``: ``ConnectToError/Code/nameTaken``, ``ConnectToError/Code/invalidName``,
    ///   ``ConnectToError/Code/invalidMetadata``, ``ConnectToError/Code/invalidLimit``,
    ///   ``ConnectToError/Code/otherFormat`` for a format that this version does not serve,
    ///   ``ConnectToError/Code/denied``, ``ConnectToError/Code/limitsExceeded``, ``ConnectToError/Code/busLost`` where
    ///   the bus is lost, or was not back in ten seconds; ``ConnectToError/Code/cancelled`` where the task is cancelled
    ///   before the bus is back; and ``ConnectToError/Code/timedOut`` where the bus has not answered within five
    ///   seconds: if the bus still gives the name after that, it is given back. Cancelling the task does not take the
    ///   request back.
    public func register(
        _ name: String, origin: String = ContextName.defaultOrigin, options: ContextOptions = ContextOptions()
    ) async throws(ConnectToError) -> Context {
        let context = try ContextName(name, origin: origin)
        if let limit = options.callerLimit, limit < 1 {
            throw ConnectToError(
                .invalidLimit,
                """
                registering \(context.quoted) failed: its callerLimit is \(limit), and has to be at least 1; leave \
                callerLimit out to admit any number of callers
                """)
        }
        guard options.format.isWord else {
            throw ConnectToError(
                .otherFormat,
                """
                registering \(context.quoted) failed: a format is a word of 1 to \(LineFormat.longestWord) bytes, and \
                this one has \(options.format.rawValue.utf8.count)
                """)
        }
        let registration = try await retryingWhenBack("registering \(context.quoted)") {
            [registry] () throws(ConnectToError) in
            try await registry.register(context, options, on: self)
        }
        return Context(registration)
    }
}
