package import LinuxIO

/// A connection to a message bus, on the event loop.
///
/// An actor whose executor is the ``Reactor``: tasks await its methods; code that is on the loop already calls them
/// at once with `assumeIsolated`, and nothing hops. All handlers and completions run on the loop, one after the
/// other, and must not block it; the bus buffers what a slow one keeps waiting, and in the end the bus cuts the
/// connection.
///
/// A lost connection stays lost: open another. Letting go of the last reference closes it.
package actor BusConnection {
    package typealias Completion = @Sendable (Result<Reply, DBusError>) -> Void

    /// What the connection was opened with.
    package nonisolated let address: String
    /// Our own name on this bus, `:1.42`.
    package nonisolated let uniqueName: String
    package nonisolated let reactor: Reactor
    package nonisolated var unownedExecutor: UnownedSerialExecutor { reactor.asUnownedSerialExecutor() }

    /// How long the bus itself may take to answer.
    package static let busDeadline: Duration = .seconds(5)

    nonisolated let link: Link
    var matches = MatchTable()
    private var exports: [String: @Sendable (MethodCall) -> Void] = [:]
    private var signalHandlers: [(id: UInt64, handler: @Sendable (Signal) -> Void)] = []
    private var disconnectHandlers: [@Sendable (DBusError) -> Void] = []
    private var lastHandlerID: UInt64 = 0
    private var loss: DBusError?

    // MARK: Opening and closing

    /// Connects, authenticates and says Hello: one unit, one deadline. A bus is never started for this.
    ///
    /// - Parameters:
    ///   - address: as the D-Bus specification writes addresses; ``BusAddress`` has those of the usual buses.
    ///   - deadline: also for what listens there and says nothing.
    /// - Throws: ``DBusError`` of kind `unreachable`, `timedOut`, `cancelled`, `invalid` (the address), or
    ///   whatever the bus replied to Hello.
    package static func open(
        address: String, on reactor: Reactor, deadline: Duration = busDeadline
    ) async throws(DBusError) -> BusConnection {
        let usable = try BusAddress.withoutAutolaunch(address)
        let opening = Opening(address: usable, on: reactor)
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                reactor.execute {
                    opening.start(deadline: deadline) { result in
                        continuation.resume(
                            returning: result.map { link, uniqueName in
                                BusConnection(address: address, uniqueName: uniqueName, link: link)
                            })
                    }
                }
            }
        } onCancel: {
            reactor.execute { opening.cancel() }
        }
        return try result.get()
    }

    private init(address: String, uniqueName: String, link: Link) {
        self.address = address
        self.uniqueName = uniqueName
        self.reactor = link.reactor
        self.link = link
        link.deliver { [weak self] incoming in
            self?.assumeIsolated { $0.receive(incoming) }
        }
    }

    deinit {
        // Possibly off the loop, where libdbus must not be touched.
        reactor.execute { [link] in link.close() }
    }

    /// Whether the connection is neither closed nor lost, as far as the kernel has told.
    package var isConnected: Bool { link.isConnected }

    /// Ends the connection, from anywhere, a handler included; more than once does no harm.
    ///
    /// At the end of the loop's turn pending calls are settled with `disconnected`. Disconnect handlers are not
    /// told: they are for what nobody here has asked for.
    package func close() {
        disconnectHandlers = []
        link.close()
    }

    /// Has a closure called once when the connection is lost, after every pending call was settled; at once where
    /// that has happened already.
    package func onDisconnect(_ handler: @escaping @Sendable (DBusError) -> Void) {
        if let loss { handler(loss) } else { disconnectHandlers.append(handler) }
    }

    // MARK: Receiving

    /// Has calls of one object answered; replaces whoever did so before.
    ///
    /// The handler runs on the loop while the message is dispatched, and sees to it that every call that expects a
    /// reply gets one, then or later: ``reply(to:_:)``, ``replyError(to:name:message:)``. Calls of paths that
    /// nobody exports are answered with UnknownObject, and those of `org.freedesktop.DBus.Peer` by libdbus.
    package func export(path: String, handler: @escaping @Sendable (MethodCall) -> Void) {
        exports[path] = handler
    }

    package func unexport(path: String) {
        exports[path] = nil
    }

    /// Stands for a handler that ``BusConnection/removeSignalHandler(_:)`` is to remove.
    package struct SignalToken: Sendable, Hashable {
        fileprivate let id: UInt64
    }

    /// Has a closure called for every signal that is received, in order: those asked for with
    /// ``addMatch(_:)`` by anybody, and those sent to us alone.
    package func onSignal(_ handler: @escaping @Sendable (Signal) -> Void) -> SignalToken {
        lastHandlerID += 1
        signalHandlers.append((lastHandlerID, handler))
        return SignalToken(id: lastHandlerID)
    }

    /// The handler is not called again once this has returned.
    package func removeSignalHandler(_ token: SignalToken) {
        signalHandlers.removeAll { $0.id == token.id }
    }

    private func receive(_ incoming: Incoming) {
        switch incoming {
        case .call(let call):
            if let handler = exports[call.path] { return handler(call) }
            link.replyError(
                to: call, name: DBusError.Name.unknownObject, message: "there is no object at \(call.path)")
        case .signal(let signal):
            for (id, handler) in signalHandlers where signalHandlers.contains(where: { $0.id == id }) {
                handler(signal)
            }
        case .disconnected(let error):
            loss = error
            exports = [:]
            signalHandlers = []
            let handlers = disconnectHandlers
            disconnectHandlers = []
            for handler in handlers { handler(error) }
        }
    }
}
