import CConnectToDBus
import ConnectToLinux

/// What goes out.
extension Link {
    /// Bytes that may wait to be written before further messages are refused: the bus does not read us.
    private static let maximumOutput = 64 * 1024 * 1024
    /// Bytes of a body up to which a message is written past libdbus: the kernel takes so much as a whole or not at
    /// all, since a socket's buffer has room for many times that.
    private static let maximumDirect = 4 * 1024
    /// libdbus counts its own messages from 1 on.
    static let firstSerial: UInt32 = 1 << 31

    /// Queues a message, and writes at once what the kernel takes.
    @discardableResult
    func send(_ message: OutgoingMessage) throws(DBusError) -> UInt32 {
        reactor.checkIsolated()
        // libdbus itself would take the message and return a number, and nothing would ever come of it.
        guard isConnected, let connection else { throw .offline }
        if let serial = sendDirectly(message, connection) { return serial }
        if dbus_connection_get_outgoing_size(connection) > Self.maximumOutput {
            throw .exhausted("the bus does not read: \(Self.maximumOutput) bytes wait to be written")
        }
        var serial: dbus_uint32_t = 0
        let owned = try OwnedMessage.make(message)
        if dbus_connection_send(connection, owned.pointer, &serial) == 0 {
            throw .exhausted("libdbus has no memory for the message, or the bus takes no descriptors")
        }
        return serial
    }

    /// Writes a short message to the bus's socket, in order with those that libdbus was given: only where none of them
    /// waits. Whatever else stands against it, libdbus is to deal with that.
    private func sendDirectly(_ message: OutgoingMessage, _ connection: OpaquePointer) -> UInt32? {
        guard hasHeard, message.form.size <= Self.maximumDirect,
            dbus_connection_has_messages_to_send(connection) == 0
        else { return nil }
        var socket: Int32 = -1
        if dbus_connection_get_socket(connection, &socket) == 0 { return nil }
        lastSerial = lastSerial == .max ? Self.firstSerial : lastSerial + 1
        let encoded = MessageEncoder(message, serial: lastSerial)
        // A path may be longer than any body that gets here.
        if encoded.bytes.count > 2 * Self.maximumDirect { return nil }
        guard let sent = sendAtOnce(encoded.bytes, descriptors: encoded.descriptors, on: socket) else {
            return nil
        }
        if sent < encoded.bytes.count {
            lose(.disconnected("the kernel took only a part of a message to the bus"))
        }
        return lastSerial
    }

    /// Sends a call and has its completion called exactly once, on the loop, and never before this returns.
    /// - Returns: The number to ``abandon(_:with:)`` it by; 0 where nothing was sent.
    @discardableResult
    func call(
        _ call: OutgoingCall, deadline: Duration, completion: @escaping PendingCalls.Completion
    ) -> UInt32 {
        do throws(DBusError) {
            let serial = try send(try OutgoingMessage.methodCall(call, expectsReply: true))
            let timer = reactor.scheduleDeadline(after: deadline) { [weak self] in
                self?.abandon(serial, with: { .timedOut("\($0) was not answered within \(deadline)") })
            }
            let toOne = call.destination.utf8.first == UInt8(ascii: ":") || call.destination == BusName.bus
            pending.insert(
                PendingCalls.Call(
                    replier: toOne ? call.destination : nil, destination: call.destination,
                    member: call.member, timer: timer, completion: completion),
                serial: serial)
            return serial
        } catch {
            reactor.atTurnEnd { completion(.failure(error)) }
            return 0
        }
    }

    /// Settles a call that still waits; its reply, should it come, goes nowhere.
    func abandon(_ serial: UInt32, with error: (_ title: String) -> DBusError) {
        reactor.checkIsolated()
        guard let call = pending.take(serial) else { return }
        call.timer.cancel()
        call.completion(.failure(error(call.title)))
    }
}
