public import ConnectTo

extension Hub {
    /// Makes a peer of each program that connects to a context, until the context has ended. The peers stay then.
    ///
    /// ```swift
    /// let context = try await bus.register("dashboard", options: ContextOptions(format: .calls))
    /// try await hub.serve(context) { event in event.metadata["as"] }
    /// ```
    ///
    /// Which programs may connect the context decides (`ContextOptions.admission`, `ContextOptions.screening`). A
    /// hub may serve several contexts at the same time, a task for each.
    ///
    /// - Parameters:
    ///   - context: registered with the format ``ConnectTo/LineFormat/calls``.
    ///   - id: gives a caller its id; where it is missing or returns nil the caller gets the next number that no peer
    ///     has. A caller may wish for an id by the key `as` of its metadata; the closure above follows the wish, and
    ///     without a closure it counts for nothing. A caller whose id is taken or is not valid is refused: it finds the
    ///     reason as the detail of its ``Messenger/closeReason``, with `CloseReason.Code.refused`.
    /// - Throws: `ConnectToError`: with `otherFormat` where the context has another format; `alreadyTaken` where another
    ///   task takes its connect events; `cancelled` where this task is cancelled, which unregisters the context; and
    ///   `contextEnded` where the context ended because its name or its bus was lost, and not because it was
    ///   unregistered or had admitted as many callers as it was to.
    public func serve(
        _ context: Context, id: (@Sendable (ConnectEvent) -> String?)? = nil
    ) async throws(ConnectToError) {
        guard context.format == .calls else {
            throw ConnectToError(
                .otherFormat,
                """
                the context "\(context.name)" has the format \(context.format), and a hub serves calls: register it \
                with ContextOptions(format: .calls)
                """)
        }
        var events = context.connectEvents.makeAsyncIterator()
        while let event = try await events.next() {
            do throws(HubError) {
                try adopt(event.source, as: id?(event), peer: event.peer)
            } catch {
                CallLine.refuse(event.source, because: error.message)
            }
        }
        if let reason = context.endReason, reason != .unregistered, reason != .limitReached {
            throw ConnectToError(
                .contextEnded,
                "the context \"\(context.name)\" has ended (\(reason)), and the hub's peers stay; register it again")
        }
    }

    /// Connects to a context whose lines carry calls, and makes a peer of the program that answers there.
    ///
    /// - Parameters:
    ///   - name: the context's name.
    ///   - bus: where it is registered.
    ///   - origin: the application id that the name lives under.
    ///   - options: how to connect. The format is always ``ConnectTo/LineFormat/calls``.
    ///   - id: how the hub is to know the peer; the next number that no peer has if nil.
    /// - Throws: `PortError` where the line does not open, as `MessagePort.waitUntilOpen(within:)`; ``HubError`` where
    ///   the hub does not take it, and then the line is closed.
    @discardableResult
    public func connect(
        to name: String, on bus: Bus, origin: String = ContextName.defaultOrigin,
        options: ConnectOptions = ConnectOptions(), as id: String? = nil
    ) async throws -> HubPeer {
        var options = options
        options.format = .calls
        let port = bus.connectTo(name, origin: origin, options: options)
        do {
            try await port.waitUntilOpen()
            return try adopt(port, as: id)
        } catch {
            port.close()
            throw error
        }
    }
}
