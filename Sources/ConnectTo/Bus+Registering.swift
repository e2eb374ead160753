import ConnectToDBus
public import ConnectToPorts

extension Bus {
    /// Registers a context: from the moment this returns others find it.
    ///
    /// While the bus is away (``Status/reconnecting``) this waits for it, for ten seconds at the most.
    ///
    /// - Parameters:
    ///   - name: any UTF-8 but the empty; see ``ContextName``.
    ///   - origin: the application id that the name lives under.
    ///   - metadata: free text that everybody on the bus can read, 64 KiB and 1,024 keys in all.
    ///   - standby: if the name is taken, wait to take it over when its owner goes; ``Context/isStandby`` tells.
    ///   - replace: if the name is taken by one that allows it, take it over.
    ///   - allowReplacement: let others take the name over that ask to, which any program may that the bus lets
    ///     own it. The context then ends with ``Context/EndReason/replaced``, or stands by if it is to.
    ///   - limit: unregister when this many callers have been admitted, one at least; without limit if nil.
    ///   - format: what lines to it carry; callers that ask for the other are refused.
    ///   - partial: of streams: whether a line may end before all of it is taken, where whoever serves it has no use for the
    ///     rest, as a command of `connect listen --raw --exec` that ends. Callers are told when they are admitted.
    ///   - tappable: whether other programs of this user may look on at its messages (`connect tap`). They see a
    ///     copy, slow nobody down and miss what comes too fast for them; streams show nothing.
    ///   - admission: who may connect. Others are refused before there is a connect event, and not told why: that is
    ///     logged, at debug level, by `org.connectto.registry`.
    /// - Throws: ``ConnectToError``: ``ConnectToError/Code/nameTaken``, ``ConnectToError/Code/invalidName``,
    ///   ``ConnectToError/Code/invalidMetadata``, ``ConnectToError/Code/invalidLimit``, ``ConnectToError/Code/denied``,
    ///   ``ConnectToError/Code/limitsExceeded``, ``ConnectToError/Code/busLost`` where the bus is lost, or was not back
    ///   in ten seconds; ``ConnectToError/Code/cancelled`` where the task is cancelled before it is back; and
    ///   ``ConnectToError/Code/timedOut`` where the bus has not answered within five seconds: then the name is
    ///   given back, should the bus still give it. Cancelling the task does not take the request back.
    public func register(
        _ name: String, origin: String = ContextName.defaultOrigin, metadata: [String: String] = [:],
        standby: Bool = false, replace: Bool = false, allowReplacement: Bool = false,
        accepting limit: Int? = nil, format: LineFormat = .messages, partial: Bool = false, tappable: Bool = false,
        admit admission: Admission = .sameUser
    ) async throws(ConnectToError) -> Context {
        let context = try ContextName(name, origin: origin)
        if let limit, limit < 1 {
            throw ConnectToError(
                .invalidLimit,
                """
                registering \(context.quoted) for \(limit) callers: it is to admit one at least; leave the limit out to \
                admit any number
                """)
        }
        var flags = standby ? BusConnection.RequestNameFlags() : .doNotQueue
        if replace { flags.insert(.replaceExisting) }
        if allowReplacement { flags.insert(.allowReplacement) }
        let registration = try await retryingWhenBack("registering \(context.quoted)") {
            [registry, flags] () throws(ConnectToError) in
            try await registry.register(
                context, metadata: metadata, flags: flags, limit: limit, format: format, isPartial: partial,
                isTappable: tappable, admission: admission, on: self)
        }
        return Context(registration)
    }
}
