import CConnectToDBus
import ConnectToLinux

/// Receiving messages from libdbus, and replying to calls.
extension Link {
    /// libdbus's filter calls this with each message. libdbus owns the message: copy out of it what is needed.
    func receive(_ message: OpaquePointer) {
        if phase != .open { return }
        hasReceivedMessage = true
        switch dbus_message_get_type(message) {
        case DBUS_MESSAGE_TYPE_METHOD_RETURN, DBUS_MESSAGE_TYPE_ERROR: receiveReply(message)
        case DBUS_MESSAGE_TYPE_METHOD_CALL: receiveCall(message)
        case DBUS_MESSAGE_TYPE_SIGNAL:
            if dbus_message_is_signal(message, BusName.localInterface, "Disconnected") != 0 {
                lose(.disconnected("the bus closed the connection"))
            } else {
                receiveSignal(message)
            }
        default: break  // The specification requires that unknown types are ignored.
        }
    }

    private func receiveReply(_ message: OpaquePointer) {
        let sender = MessageReader.text(dbus_message_get_sender(message))
        let serial = dbus_message_get_reply_serial(message)
        guard let call = pending.remove(repliedTo: serial, by: sender) else { return }
        call.timer.cancel()
        do throws(DBusError) {
            let body = try body(of: message)
            if dbus_message_get_type(message) == DBUS_MESSAGE_TYPE_ERROR {
                let name = MessageReader.text(dbus_message_get_error_name(message)) ?? DBusError.Name.failed
                // By convention the first argument of an error is a text for people.
                if case .string(let text) = body.first { throw DBusError(name: name, message: text) }
                throw DBusError(name: name, message: "")
            }
            call.completion(.success(Reply(sender: sender, body: body)))
        } catch {
            call.completion(.failure(error))
        }
    }

    private func receiveCall(_ message: OpaquePointer) {
        let head = CallHead(message, link: number)
        if let screen, screen(head) { return }
        do throws(DBusError) {
            receiver?(.call(head.call(with: try body(of: message))))
        } catch {
            replyError(to: head.call, name: error.name, message: error.message)
        }
    }

    private func receiveSignal(_ message: OpaquePointer) {
        // Drop a signal that cannot be read: a signal has no reply that could report the error.
        guard let body = try? body(of: message) else { return }
        receiver?(
            .signal(
                Signal(
                    sender: MessageReader.text(dbus_message_get_sender(message)) ?? "",
                    path: MessageReader.text(dbus_message_get_path(message)) ?? "",
                    interface: MessageReader.text(dbus_message_get_interface(message)) ?? "",
                    member: MessageReader.text(dbus_message_get_member(message)) ?? "",
                    body: body)))
    }

    /// Reads the body, and takes ownership of its descriptors. If they come out of the ``DescriptorReserve``, reading
    /// pauses: libdbus closes the connection if it has no descriptor left for the next message.
    private func body(of message: OpaquePointer) throws(DBusError) -> [DBusValue] {
        do throws(DBusError) {
            let body = try MessageReader.body(of: message)
            let isScarce = body.contains {
                if case .unixFD(let descriptor) = $0 {
                    DescriptorReserve.contains(descriptor.rawValue)
                } else {
                    false
                }
            }
            if isScarce { pauseReading() }
            return body
        } catch {
            if error.kind == .exhausted { pauseReading() }
            throw error
        }
    }

    // MARK: Replying

    /// Sends nothing if the caller expects no reply, if the connection is gone, or if the call came over another link.
    func reply(to call: MethodCall, _ body: [DBusValue]) {
        if !call.expectsReply || call.link != number { return }
        do throws(DBusError) {
            try send(try CheckedMessage.reply(to: call, body))
        } catch {
            if error.kind == .offline { return }
            // D-Bus cannot carry this reply. Send an error in its place, so that the caller does not wait in vain.
            replyError(to: call, name: DBusError.Name.failed, message: "the reply cannot be sent: \(error)")
        }
    }

    func replyError(to call: MethodCall, name: String, message: String) {
        if !call.expectsReply || call.link != number { return }
        do throws(DBusError) {
            try send(try CheckedMessage.error(to: call, name: name, message: message))
        } catch {
            if error.kind != .invalid { return }
            _ = try? send(
                try CheckedMessage.error(
                    to: call, name: DBusError.Name.failed, message: "the error cannot be sent"))
        }
    }
}
