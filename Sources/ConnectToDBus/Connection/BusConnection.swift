package import ConnectToLinux

/// A connection to a message bus, on the event loop.
///
/// This actor's executor is the ``Reactor``: tasks await its methods; code that already runs on the loop calls them
/// with `assumeIsolated`, without a suspension. All handlers and completions run on the loop, one after the other, and
/// must not block it: while one is slow the bus queues messages, and in the end it closes the connection.
///
/// After a loss ``reopen(deadline:)`` opens the connection again. Exports and handlers stay in force. The unique name
/// changes; bus names and match rules are lost with the old link, and have to be requested again. Releasing the last
/// reference closes the connection.
package actor BusConnection {
    package typealias Completion = @Sendable (Result<Reply, DBusError>) -> Void

    /// The address that the connection was opened with.
    package nonisolated let address: String
    /// Our unique name on this bus, such as `:1.42`; after a loss, the last one.
    package nonisolated var uniqueName: String { name.withLock { $0 } }
    package nonisolated let reactor: Reactor
    package nonisolated var unownedExecutor: UnownedSerialExecutor { reactor.asUnownedSerialExecutor() }

    /// How long to wait for replies of the bus itself.
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

    /// Connects, authenticates and calls Hello, with one deadline for all three. Never starts a bus.
    ///
    /// - Parameters:
    ///   - address: in the form of the D-Bus specification. ``BusAddress`` has the addresses of the usual buses.
    ///   - deadline: holds also for a listener that never answers.
    /// - Throws: ``DBusError`` of kind `unreachable` (also where the bus passes no descriptors), `timedOut`,
    ///   `cancelled`, `invalid` (the address), or the bus's error reply to Hello.
    package static func open(
        address: String, on reactor: Reactor, deadline: Duration = busDeadline
    ) async throws(DBusError) -> BusConnection {
        let addresses = try BusAddress.entries(of: address)
        return try await Opening.open(anyOf: addresses, on: reactor, deadline: deadline) { link, uniqueName in
            let connection = BusConnection(address: address, uniqueName: uniqueName, link: link)
            connection.assumeIsolated { $0.attachToLink() }
            return connection
        }
    }

    private init(address: String, uniqueName: String, link: Link) {
        self.address = address
        name = Lock(uniqueName)
        self.reactor = link.reactor
        self.link = link
    }

    /// Has the present link deliver calls, signals and the end to this connection.
    private func attachToLink() {
        let receiver = { [weak self, number = link.number] (incoming: Incoming) -> Void in
            self?.assumeIsolated { connection in
                if connection.link.number == number { connection.receive(incoming) }
            }
        }
        link.deliver(to: receiver, screenedBy: screen)
    }

    /// Connects to the bus again after a loss, as ``open(address:on:deadline:)`` does. The bus may be a new process.
    ///
    /// Handlers and exports are in force again in the turn in which the bus replies to Hello.
    /// - Throws: as `open` does; and `disconnected` where this program has called ``close()``.
    package func reopen(deadline: Duration = busDeadline) async throws(DBusError) {
        let addresses = try BusAddress.entries(of: address)
        let isOpen = try await Opening.open(anyOf: addresses, on: reactor, deadline: deadline) { [self] link, name in
            assumeIsolated { $0.adopt(link, name) }
        }
        if !isOpen { throw .closedByThisProgram }
    }

    private func adopt(_ link: Link, _ uniqueName: String) -> Bool {
        if isClosed {
            link.close()
            return false
        }
        // Has no effect on a link that was lost.
        self.link.close()
        self.link = link
        name.withLock { $0 = uniqueName }
        loss = nil
        matches.forgetRules()
        attachToLink()
        return true
    }

    deinit {
        // A program that has closed the connection may have stopped its loop, which then would keep this closure for
        // ever.
        if isClosed { return }
        // deinit may run off the loop, where libdbus must not be called.
        reactor.execute { [link] in link.close() }
    }

    /// Whether the connection is neither closed nor lost, as far as the kernel has reported.
    package var isConnected: Bool { link.isConnected }

    /// Closes the connection. May be called anywhere, also in a handler, and more than once.
    ///
    /// At the end of the loop's turn pending calls fail with `disconnected`. Disconnect handlers are not called: they
    /// report a loss that this program did not ask for.
    package func close() {
        isClosed = true
        disconnectHandlers = []
        link.close()
    }

    /// Calls a closure whenever the connection is lost, after every pending call has been completed; at once if the
    /// connection is lost now.
    package func onDisconnect(_ handler: @escaping @Sendable (DBusError) -> Void) {
        disconnectHandlers.append(handler)
        if let loss { handler(loss) }
    }

    /// Whether a call came over the present link. Only then the sender's name in it is valid.
    package func isCurrent(_ call: MethodCall) -> Bool { call.link == link.number && link.isConnected }

    /// A number that changes with each ``reopen(deadline:)``.
    package var generation: UInt64 { link.number }

    /// The id, in our pid namespace, of the process that listens at the other end of the connection: the bus or a
    /// proxy. 0 where it is in another pid namespace, or the kernel does not tell it.
    package var processAtOtherEnd: Int32 { link.processAtOtherEnd }

    // MARK: Receiving

    /// Adds a handler for method calls. It returns whether it knows the object; if not, the next handler is called.
    ///
    /// The handler runs on the loop while the message is dispatched. It has to reply to every call that expects a
    /// reply, at once or later, with ``reply(to:_:)`` or ``replyError(to:name:message:)``. Calls to objects that no
    /// handler knows get the error UnknownObject. libdbus replies to calls of `org.freedesktop.DBus.Peer`.
    package func export(_ handler: @escaping @Sendable (MethodCall) -> Bool) {
        exports.append(handler)
    }

    /// Sets a closure that sees every call before the exported handlers do. Returning true ends the call: the closure
    /// has replied to it, or wants it dropped. The closure runs on the loop. Only what it asks for is copied out of the
    /// message, because in a flood copying is most of what a call costs.
    package func screenCalls(_ screen: @escaping @Sendable (borrowing CallHead) -> Bool) {
        self.screen = screen
        attachToLink()
    }

    /// Adds a closure that is called with every received signal, in order: signals that match a rule of any
    /// ``addMatch(_:)``, and signals addressed to this connection.
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
