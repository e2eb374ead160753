import CConnectToDBus
import ConnectToLinux
import Synchronization

/// One libdbus connection on the loop: its watches, dispatch, sending, and the calls that wait for replies.
///
/// Once a connection is open, only this type calls libdbus for it, and only on the loop. Even releasing a message on
/// another thread could toggle a watch there, and the connection would stop reading.
///
/// Dispatch happens at the end of a turn and is never nested: a nested libdbus dispatch does not return while messages
/// are queued.
// @unchecked: all state is used on the loop only. Each entry point that other threads could call checks that.
final class Link: @unchecked Sendable {
    /// How many messages one turn may dispatch. The rest waits for the next turn, so that a flood does not starve other
    /// work on the loop.
    static let messagesPerTurn = 64
    /// How many descriptors one received message may carry: as many as the kernel passes at once. With a smaller limit,
    /// libdbus would close the connection for messages that the bus's configuration allows.
    static let maximumDescriptorsPerMessage = 253

    private static let readingPause = Duration.milliseconds(5)
    private static let readingPauses = 20

    enum Phase {
        case open
        /// Closed or lost. Nothing is sent, dispatched or passed to the receiver any more. The end of the turn releases
        /// the connection.
        case ending
        case gone
    }

    private static let lastNumber = Atomic<UInt64>(0)

    let reactor: Reactor
    /// Unique among all links that this process has had.
    let number = Link.lastNumber.add(1, ordering: .relaxed).newValue
    /// Owned from ``init(adopting:on:)`` to ``releaseConnection()``.
    private(set) var connection: OpaquePointer?
    private(set) var phase = Phase.open
    private var watches: Watches?
    var pending = PendingCalls()
    /// The serial number of the last message that bypassed libdbus.
    var lastSerial = Link.firstSerial
    /// A message has been received. So authentication is over on both sides, and the socket carries messages only.
    var hasReceivedMessage = false
    private(set) var receiver: ((Incoming) -> Void)?
    /// Sees each call before the receiver does. Returns true if the receiver is not to get it.
    private(set) var screen: ((borrowing CallHead) -> Bool)?
    private var applyIsScheduled = false
    private var dispatchIsScheduled = false
    private var isDispatching = false
    /// Why the connection ends, and whether the receiver gets ``Incoming/disconnected(_:)``.
    private var ending: (error: DBusError, notifiesReceiver: Bool)?

    /// Takes ownership of a freshly opened connection.
    ///
    /// From here to ``releaseConnection()`` libdbus holds a reference to this object for its callbacks. So the object
    /// lives until it is closed or the connection is lost, even without any other reference.
    init(adopting connection: OpaquePointer, on reactor: Reactor) {
        reactor.checkIsolated()
        self.reactor = reactor
        self.connection = connection
        watches = Watches(reactor: reactor) { [weak self] descriptor, readiness in
            self?.handle(readiness, on: descriptor)
        }
        dbus_connection_set_exit_on_disconnect(connection, 0)
        dbus_connection_set_max_message_unix_fds(connection, Self.maximumDescriptorsPerMessage)
        // libdbus stops reading while this many descriptors lie in messages that were not dispatched.
        dbus_connection_set_max_received_unix_fds(connection, DescriptorReserve.forReceivedMessages)
        installCallbacks(on: connection, Unmanaged.passRetained(self).toOpaque())
    }

    /// Installs the callbacks. They get this object unretained: `init` has retained it once for all of them.
    private func installCallbacks(on connection: OpaquePointer, _ box: UnsafeMutableRawPointer) {
        // The dispatch status function comes first, because setting the other callbacks may change the status.
        dbus_connection_set_dispatch_status_function(
            connection, { _, _, box in Link.from(box)?.scheduleDispatch() }, box, nil)
        let hasFilter = dbus_connection_add_filter(
            connection,
            { _, message, box in
                if let message { Link.from(box)?.receive(message) }
                // Messages that this program ignores are handled too: libdbus must not reply in its place.
                return DBUS_HANDLER_RESULT_HANDLED
            }, box, nil)
        let hasWatches = dbus_connection_set_watch_functions(
            connection,
            { watch, box in
                if let watch { Link.from(box)?.watchesChanged { $0.add(watch) } }
                return 1
            },
            { watch, box in
                if let watch { Link.from(box)?.watchesChanged { $0.remove(watch) } }
            },
            { _, box in Link.from(box)?.watchesChanged { _ in } }, box, nil)
        if hasFilter == 0 || hasWatches == 0 {
            lose(.exhausted("not enough memory for a connection to the bus"))
        }
        scheduleDispatch()
    }

    private static func from(_ box: UnsafeMutableRawPointer?) -> Link? {
        box.map { Unmanaged<Link>.fromOpaque($0).takeUnretainedValue() }
    }

    /// Sets the closures that get calls, signals and the end. If the connection has been lost in this turn, the
    /// receiver gets that at the end of the turn.
    func deliver(
        to receiver: @escaping (Incoming) -> Void, screenedBy screen: ((borrowing CallHead) -> Bool)?
    ) {
        reactor.checkIsolated()
        self.receiver = receiver
        self.screen = screen
    }

    var isConnected: Bool {
        guard phase == .open, let connection else { return false }
        return dbus_connection_get_is_connected(connection) != 0
    }

    var processAtOtherEnd: Int32 {
        var socket: Int32 = -1
        guard let connection, dbus_connection_get_socket(connection, &socket) != 0 else { return 0 }
        return ConnectToLinux.processAtOtherEnd(of: socket)
    }

    /// Whether the bus has agreed to pass descriptors, which it does only over a Unix socket. Valid once the bus has
    /// replied to Hello.
    var passesDescriptors: Bool {
        guard let connection else { return false }
        return dbus_connection_can_send_type(connection, Int32(TypeCode.unixFD)) != 0
    }

    // MARK: Receiving

    private func handle(_ readiness: Readiness, on descriptor: Int32) {
        watches?.handle(readiness, on: descriptor)
    }

    /// Stops reading from the bus until this process has descriptors to spare again, but for at most 100 ms, because
    /// the program itself may hold them. Meanwhile the bus queues messages for us.
    func pauseReading() {
        guard let watches, !watches.readingIsPaused else { return }
        watchesChanged { $0.readingIsPaused = true }
        resumeReading(afterPauses: Self.readingPauses)
    }

    private func resumeReading(afterPauses count: Int) {
        reactor.schedule(after: Self.readingPause) { [weak self] in
            if count > 1, DescriptorReserve.containsNext {
                self?.resumeReading(afterPauses: count - 1)
            } else {
                self?.watchesChanged { $0.readingIsPaused = false }
            }
        }
    }

    private func watchesChanged(_ change: (Watches) -> Void) {
        reactor.checkIsolated()
        guard let watches else { return }
        change(watches)
        if applyIsScheduled { return }
        applyIsScheduled = true
        reactor.atTurnEnd { [weak self] in self?.applyWatches() }
    }

    private func applyWatches() {
        applyIsScheduled = false
        do throws(SystemError) {
            try watches?.apply()
        } catch {
            lose(.disconnected("cannot watch the connection to the bus: \(error)"))
        }
    }

    private func scheduleDispatch() {
        reactor.checkIsolated()
        if dispatchIsScheduled || phase != .open { return }
        dispatchIsScheduled = true
        reactor.atTurnEnd { [weak self] in self?.dispatch() }
    }

    private func dispatch() {
        dispatchIsScheduled = false
        // A handler has run a foreign loop from inside. The outer dispatch continues when the handler returns.
        if isDispatching { return }
        isDispatching = true
        defer {
            isDispatching = false
            if ending != nil { reactor.atTurnEnd { [self] in end() } }
        }
        var status = DBUS_DISPATCH_DATA_REMAINS
        for _ in 0..<Self.messagesPerTurn {
            guard phase == .open, let connection else { return }
            status = dbus_connection_dispatch(connection)
            if status != DBUS_DISPATCH_DATA_REMAINS { break }
        }
        switch status {
        case DBUS_DISPATCH_DATA_REMAINS: scheduleDispatch()
        case DBUS_DISPATCH_NEED_MEMORY:
            reactor.schedule(after: .milliseconds(10)) { [weak self] in self?.scheduleDispatch() }
        default: break
        }
    }

    // MARK: The end

    /// Closes the connection at the end of this turn. Pending calls fail with `disconnected`; the receiver is not
    /// notified. Output that libdbus has not written by then is lost.
    func close() {
        reactor.checkIsolated()
        end(with: .closedByThisProgram, notifiesReceiver: false)
    }

    func lose(_ error: DBusError) {
        end(with: error, notifiesReceiver: true)
    }

    /// May be called from inside libdbus or ``installCallbacks(on:_:)``. So it only marks the end, and the end of the
    /// turn does the rest.
    private func end(with error: DBusError, notifiesReceiver: Bool) {
        if phase != .open { return }
        phase = .ending
        ending = (error, notifiesReceiver)
        reactor.atTurnEnd { [self] in end() }
    }

    private func end() {
        // While a dispatch is still on the stack, wait: it calls this again when it has finished.
        guard let (error, notifiesReceiver) = ending, !isDispatching else { return }
        ending = nil
        failPendingCalls(with: error)
        if notifiesReceiver { receiver?(.disconnected(error)) }
        releaseConnection()
    }

    private func failPendingCalls(with error: DBusError) {
        for call in pending.removeAll() {
            call.timer.cancel()
            call.completion(.failure(error))
        }
    }

    private func releaseConnection() {
        guard let connection else { return }
        self.connection = nil
        phase = .gone
        receiver = nil
        screen = nil
        // Removes the watches through their callback, then closes the socket.
        dbus_connection_close(connection)
        watches?.cancelAll()
        watches = nil
        dbus_connection_unref(connection)
        // libdbus calls no callback any more: release the reference that `init` retained for them.
        Unmanaged.passUnretained(self).release()
    }
}
