import CConnectToDBus
import ConnectToLinux

/// Sending messages.
extension Link {
    /// Further messages are refused while more bytes than this wait to be written, because the bus does not read.
    private static let maximumOutput = 64 * 1024 * 1024
    /// Messages with a body of at most this many bytes bypass libdbus. The kernel takes such a message whole or not at
    /// all, because a socket's buffer has room for many of them.
    private static let maximumDirect = 4 * 1024
    /// libdbus numbers its own messages from 1 on.
    static let firstSerial: UInt32 = 1 << 31

    /// Queues a message, and writes at once as many bytes as the kernel takes.
    @discardableResult
    func send(_ message: CheckedMessage) throws(DBusError) -> UInt32 {
        reactor.checkIsolated()
        // Without a connection libdbus would accept the message, return a serial number, and never send it.
        guard isConnected, let connection else { throw .offline }
        if let serial = sendDirectly(message, connection) { return serial }
        if dbus_connection_get_outgoing_size(connection) > Self.maximumOutput {
            throw .exhausted("the bus does not read: more than \(Self.maximumOutput) bytes wait to be sent to it")
        }
        var serial: dbus_uint32_t = 0
        let owned = try OwnedMessage.make(message)
        if dbus_connection_send(connection, owned.pointer, &serial) == 0 {
            throw .exhausted(
                "libdbus cannot queue the message: not enough memory, or the bus passes no file descriptors")
        }
        return serial
    }

    /// Writes a short message to the bus's socket itself. To keep the order, only while no message waits in libdbus.
    ///
    /// - Returns: the serial number; nil if nothing was sent, for any reason. Then libdbus is to send the message, and
    ///   meets the reason again.
    private func sendDirectly(_ message: CheckedMessage, _ connection: OpaquePointer) -> UInt32? {
        guard hasReceivedMessage, message.form.size <= Self.maximumDirect,
            dbus_connection_has_messages_to_send(connection) == 0
        else { return nil }
        var socket: Int32 = -1
        if dbus_connection_get_socket(connection, &socket) == 0 { return nil }
        lastSerial = lastSerial == .max ? Self.firstSerial : lastSerial + 1
        let encoded = MessageEncoder(message, serial: lastSerial)
        // The path may be long even where the body is short.
        if encoded.bytes.count > 2 * Self.maximumDirect { return nil }
        guard let sent = sendAtOnce(encoded.bytes, descriptors: encoded.descriptors, on: socket) else {
            return nil
        }
        if sent < encoded.bytes.count {
            lose(.disconnected("the kernel accepted only part of a message to the bus"))
        }
        return lastSerial
    }

    /// Sends a call. Its completion is called exactly once, on the loop, and never before this returns.
    /// - Returns: the serial number for ``abandon(_:with:)``; 0 if nothing was sent.
    @discardableResult
    func call(
        _ call: OutgoingCall, deadline: Duration, completion: @escaping PendingCalls.Completion
    ) -> UInt32 {
        do throws(DBusError) {
            let serial = try send(try CheckedMessage.methodCall(call, expectsReply: true))
            let timer = reactor.scheduleDeadline(after: deadline) { [weak self] in
                self?.abandon(serial, with: { .timedOut("\($0) was not answered within \(deadline)") })
            }
            let replierIsKnown = call.destination.utf8.first == UInt8(ascii: ":") || call.destination == BusName.bus
            pending.insert(
                PendingCalls.Call(
                    replier: replierIsKnown ? call.destination : nil, destination: call.destination,
                    member: call.member, timer: timer, completion: completion),
                serial: serial)
            return serial
        } catch {
            reactor.atTurnEnd { completion(.failure(error)) }
            return 0
        }
    }

    /// Completes a call with an error, if it still waits. A reply that arrives later is ignored.
    func abandon(_ serial: UInt32, with error: (_ title: String) -> DBusError) {
        reactor.checkIsolated()
        guard let call = pending.remove(serial) else { return }
        call.timer.cancel()
        call.completion(.failure(error(call.title)))
    }
}
