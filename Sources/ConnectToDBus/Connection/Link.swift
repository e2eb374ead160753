import CConnectToDBus
import ConnectToLinux
import Synchronization

/// One libdbus connection, wired into the loop: watches, dispatch, sending, and the calls that wait.
///
/// libdbus is not touched anywhere else once a connection is open, and never off the loop: even giving back a
/// message there could toggle a watch on the wrong thread, and the connection would stop reading.
///
/// Dispatch happens at the end of a turn and is never nested: libdbus would not come back from it while
/// messages are queued.
// @unchecked: all state is used on the loop only, which every entry that can be reached from elsewhere checks.
final class Link: @unchecked Sendable {
    /// Messages that one turn may dispatch; the rest waits for the next, so that a flood starves nobody.
    static let messagesPerTurn = 64
    /// Descriptors in one received message: as many as the kernel passes at once. A smaller limit would let
    /// the bus's configuration decide when libdbus cuts the connection.
    static let maximumDescriptorsPerMessage = 253

    private static let readingPause = Duration.milliseconds(5)
    private static let readingPauses = 20

    enum Phase {
        case open
        /// Closed here or lost. Nothing is sent, dispatched or handed up any more; the turn's end takes it down.
        case ending
        case gone
    }

    private static let lastNumber = Atomic<UInt64>(0)

    let reactor: Reactor
    /// Tells it from all others that this process has, or had.
    let number = Link.lastNumber.add(1, ordering: .relaxed).newValue
    /// Owned from ``init(adopting:on:)`` to ``takeDown()``.
    private(set) var connection: OpaquePointer?
    private(set) var phase = Phase.open
    private var watches: Watches?
    var pending = PendingCalls()
    /// The number of the last message that was written past libdbus.
    var lastSerial = Link.firstSerial
    /// The bus has answered, so both sides are done with authenticating: the socket carries messages only.
    var hasHeard = false
    private(set) var receiver: ((Incoming) -> Void)?
    /// Looks at each call first, and says whether that is the end of it.
    private(set) var screen: ((borrowing CallHead) -> Bool)?
    private var applyIsScheduled = false
    private var dispatchIsScheduled = false
    private var isDispatching = false
    /// Why the connection ends, and whether the receiver is told.
    private var ending: (error: DBusError, isTold: Bool)?

    /// Takes over a freshly opened connection.
    ///
    /// From here to ``takeDown()`` libdbus holds a reference to this object, for its callbacks. So it lives until
    /// it is closed or the connection is lost, whoever else has let go of it.
    init(adopting connection: OpaquePointer, on reactor: Reactor) {
        reactor.checkIsolated()
        self.reactor = reactor
        self.connection = connection
        watches = Watches(reactor: reactor) { [weak self] descriptor, readiness in
            self?.handle(readiness, on: descriptor)
        }
        dbus_connection_set_exit_on_disconnect(connection, 0)
        dbus_connection_set_max_message_unix_fds(connection, Self.maximumDescriptorsPerMessage)
        // At this many libdbus stops reading, until some have been looked at.
        dbus_connection_set_max_received_unix_fds(connection, DescriptorReserve.forReceivedMessages)
        wire(connection, Unmanaged.passRetained(self).toOpaque())
    }

    /// Callbacks get this object unretained; the one reference that keeps it alive meanwhile is the one above.
    private func wire(_ connection: OpaquePointer, _ box: UnsafeMutableRawPointer) {
        // The status first: setting the others may change it.
        dbus_connection_set_dispatch_status_function(
            connection, { _, _, box in Link.from(box)?.scheduleDispatch() }, box, nil)
        let hasFilter = dbus_connection_add_filter(
            connection,
            { _, message, box in
                if let message { Link.from(box)?.receive(message) }
                // Also for what nobody wanted: the answers are ours to give, not libdbus's.
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
            lose(.exhausted("no memory for a connection to the bus"))
        }
        scheduleDispatch()
    }

    private static func from(_ box: UnsafeMutableRawPointer?) -> Link? {
        box.map { Unmanaged<Link>.fromOpaque($0).takeUnretainedValue() }
    }

    /// Who gets calls, signals and the end. Told of an end that has come already, at the end of the turn.
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

    /// Whether the bus has agreed on passing descriptors, which it does only over a Unix socket. To be asked once it
    /// has answered.
    var passesDescriptors: Bool {
        guard let connection else { return false }
        return dbus_connection_can_send_type(connection, Int32(TypeCode.unixFD)) != 0
    }

    // MARK: Receiving

    private func handle(_ readiness: Readiness, on descriptor: Int32) {
        watches?.handle(readiness, on: descriptor)
    }

    /// Until descriptors that were refused have been closed, or for 100 ms: the program may hold them itself. What the
    /// bus has for us waits there.
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
            lose(.disconnected("the connection to the bus cannot be watched: \(error)"))
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
        // A handler that runs a foreign loop from inside: the outer dispatch goes on when it has returned.
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

    /// Ends the connection at the end of this turn: pending calls are settled, nobody else is told.
    /// What libdbus could not write yet is lost.
    func close() {
        reactor.checkIsolated()
        end(with: .disconnected("the connection to the bus was closed here"), isTold: false)
    }

    func lose(_ error: DBusError) {
        end(with: error, isTold: true)
    }

    /// Possibly inside libdbus, and inside ``wire(_:_:)``: the rest happens when those have returned.
    private func end(with error: DBusError, isTold: Bool) {
        if phase != .open { return }
        phase = .ending
        ending = (error, isTold)
        reactor.atTurnEnd { [self] in end() }
    }

    private func end() {
        // If it is dispatching still, somewhere below on the stack, this is called again when it has finished.
        guard let (error, isTold) = ending, !isDispatching else { return }
        ending = nil
        settleAll(with: error)
        if isTold { receiver?(.disconnected(error)) }
        takeDown()
    }

    private func settleAll(with error: DBusError) {
        for call in pending.takeAll() {
            call.timer.cancel()
            call.completion(.failure(error))
        }
    }

    private func takeDown() {
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
        // The reference for the callbacks: libdbus calls no more.
        Unmanaged.passUnretained(self).release()
    }
}
