package import ConnectToLinux

/// A connection to a message bus, on the event loop.
///
/// An actor whose executor is the ``Reactor``: tasks await its methods; code that is on the loop already calls them
/// at once with `assumeIsolated`, and nothing hops. All handlers and completions run on the loop, one after the
/// other, and must not block it; the bus buffers what a slow one keeps waiting, and in the end the bus cuts the
/// connection.
///
/// A connection that was lost can be opened anew with ``reopen(deadline:)``. What is exported, and the handlers, stay
/// then; the unique name is another one, and names and match rules, which went with the old link, are to be asked for
/// again. Letting go of the last reference closes it.
package actor BusConnection {
    package typealias Completion = @Sendable (Result<Reply, DBusError>) -> Void

    /// What the connection was opened with.
    package nonisolated let address: String
    /// Our own name on this bus, `:1.42`; while there is no connection, the last one.
    package nonisolated var uniqueName: String { name.withLock { $0 } }
    package nonisolated let reactor: Reactor
    package nonisolated var unownedExecutor: UnownedSerialExecutor { reactor.asUnownedSerialExecutor() }

    /// How long the bus itself may take to answer.
    package static let busDeadline: Duration = .seconds(5)

    private(set) var link: Link
    private nonisolated let name: Lock<String>
    private var isClosed = false
    var matches = MatchTable()
    private var screen: (@Sendable (borrowing CallHead) -> Bool)?
    private var exports: [@Sendable (MethodCall) -> Bool] = []
    private var signalHandlers: [@Sendable (Signal) -> Void] = []
    private var disconnectHandlers: [@Sendable (DBusError) -> Void] = []
    private var loss: DBusError?

    // MARK: Opening and closing

    /// Connects, authenticates and says Hello: one unit, one deadline. A bus is never started for this.
    ///
    /// - Parameters:
    ///   - address: as the D-Bus specification writes addresses; ``BusAddress`` has those of the usual buses.
    ///   - deadline: also for what listens there and says nothing.
    /// - Throws: ``DBusError`` of kind `unreachable` (also where the bus passes no descriptors), `timedOut`,
    ///   `cancelled`, `invalid` (the address), or whatever the bus replied to Hello.
    package static func open(
        address: String, on reactor: Reactor, deadline: Duration = busDeadline
    ) async throws(DBusError) -> BusConnection {
        let addresses = try BusAddress.entries(of: address)
        return try await Opening.open(anyOf: addresses, on: reactor, deadline: deadline) { link, uniqueName in
            let connection = BusConnection(address: address, uniqueName: uniqueName, link: link)
            connection.assumeIsolated { $0.listen() }
            return connection
        }
    }

    private init(address: String, uniqueName: String, link: Link) {
        self.address = address
        name = Lock(uniqueName)
        self.reactor = link.reactor
        self.link = link
    }

    private func listen() {
        let receiver = { [weak self, number = link.number] (incoming: Incoming) -> Void in
            self?.assumeIsolated { connection in
                if connection.link.number == number { connection.receive(incoming) }
            }
        }
        link.deliver(to: receiver, screenedBy: screen)
    }

    /// Gets onto the bus again after a loss, as ``open(address:on:deadline:)`` does; the bus may have been started
    /// anew meanwhile.
    ///
    /// Handlers and exports are in force again in the very turn in which the bus says yes.
    /// - Throws: as opening does; and `disconnected` where it has been closed here.
    package func reopen(deadline: Duration = busDeadline) async throws(DBusError) {
        let addresses = try BusAddress.entries(of: address)
        let isOpen = try await Opening.open(anyOf: addresses, on: reactor, deadline: deadline) { [self] link, name in
            assumeIsolated { $0.adopt(link, name) }
        }
        if !isOpen { throw .disconnected("the connection to the bus was closed here") }
    }

    private func adopt(_ link: Link, _ uniqueName: String) -> Bool {
        if isClosed {
            link.close()
            return false
        }
        // Does nothing to one that has gone.
        self.link.close()
        self.link = link
        name.withLock { $0 = uniqueName }
        loss = nil
        matches.forgetRules()
        listen()
        return true
    }

    deinit {
        // By now the link may be on a loop that nobody turns any more, which would keep the call for ever.
        if isClosed { return }
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
        isClosed = true
        disconnectHandlers = []
        link.close()
    }

    /// Has a closure called whenever the connection is lost, after every pending call was settled; at once where
    /// it is lost now.
    package func onDisconnect(_ handler: @escaping @Sendable (DBusError) -> Void) {
        disconnectHandlers.append(handler)
        if let loss { handler(loss) }
    }

    /// Whether a call came over the connection as it is now: only then its sender's name means anything.
    package func isCurrent(_ call: MethodCall) -> Bool { call.link == link.number && link.isConnected }

    /// Another one after each ``reopen(deadline:)``.
    package var generation: UInt64 { link.number }

    /// The process that listened where we are connected to, the bus or a proxy, as the kernel numbers it here; 0 where
    /// it is of another pid namespace, or cannot be told.
    package var processAtOtherEnd: Int32 { link.processAtOtherEnd }

    // MARK: Receiving

    /// Has calls answered. The handler returns whether it knows the object; if not, the next handler is asked.
    ///
    /// It runs on the loop while the message is dispatched, and sees to it that every call that expects a
    /// reply gets one, then or later: ``reply(to:_:)``, ``replyError(to:name:message:)``. Calls of objects that
    /// nobody knows are answered with UnknownObject, and those of `org.freedesktop.DBus.Peer` by libdbus.
    package func export(_ handler: @escaping @Sendable (MethodCall) -> Bool) {
        exports.append(handler)
    }

    /// Has a closure look at every call first. Nothing is copied out of that but what the closure asks for: in a flood
    /// copying is most of what a call costs. It runs on the loop, and returns whether it has answered the call, or that
    /// it is to be forgotten.
    package func screenCalls(_ screen: @escaping @Sendable (borrowing CallHead) -> Bool) {
        self.screen = screen
        listen()
    }

    /// Has a closure called for every signal that is received, in order: those asked for with
    /// ``addMatch(_:)`` by anybody, and those sent to us alone.
    package func onSignal(_ handler: @escaping @Sendable (Signal) -> Void) {
        signalHandlers.append(handler)
    }

    private func receive(_ incoming: Incoming) {
        switch incoming {
        case .call(let call):
            if exports.contains(where: { $0(call) }) { return }
            link.replyError(
                to: call, name: DBusError.Name.unknownObject, message: "there is no object at \(call.path)")
        case .signal(let signal):
            for handler in signalHandlers { handler(signal) }
        case .disconnected(let error):
            loss = error
            matches.forgetRules()
            for handler in disconnectHandlers { handler(error) }
        }
    }
}
