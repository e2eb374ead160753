import CConnectToDBus
import ConnectToLinux

/// What comes in through libdbus's filter, and what is answered to it.
extension Link {
    /// The one filter. The message is libdbus's; what is wanted of it is copied out here.
    func receive(_ message: OpaquePointer) {
        if phase != .open { return }
        hasHeard = true
        switch dbus_message_get_type(message) {
        case DBUS_MESSAGE_TYPE_METHOD_RETURN, DBUS_MESSAGE_TYPE_ERROR: settle(with: message)
        case DBUS_MESSAGE_TYPE_METHOD_CALL: receiveCall(message)
        case DBUS_MESSAGE_TYPE_SIGNAL:
            if dbus_message_is_signal(message, BusName.localInterface, "Disconnected") != 0 {
                lose(.disconnected("the bus has closed the connection"))
            } else {
                receiveSignal(message)
            }
        default: break  // The specification: ignore kinds that are not known.
        }
    }

    private func settle(with message: OpaquePointer) {
        let sender = MessageReader.text(dbus_message_get_sender(message))
        let serial = dbus_message_get_reply_serial(message)
        guard let call = pending.take(repliedTo: serial, by: sender) else { return }
        call.timer.cancel()
        do throws(DBusError) {
            let body = try body(of: message)
            if dbus_message_get_type(message) == DBUS_MESSAGE_TYPE_ERROR {
                let name = MessageReader.text(dbus_message_get_error_name(message)) ?? DBusError.Name.failed
                // By custom the first argument is the text for people.
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
        // A signal that cannot be read is dropped: there is nobody to tell.
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

    /// Descriptors are ours from here on. The last ones are kept for what must not fail: libdbus cuts the connection
    /// where it has none for the next message.
    private func body(of message: OpaquePointer) throws(DBusError) -> [DBusValue] {
        do throws(DBusError) {
            let body = try MessageReader.body(of: message)
            let isScarce = body.contains {
                if case .unixFD(let descriptor) = $0 {
                    DescriptorReserve.contains(descriptor)
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

    /// Nothing is sent to a caller that does not wait, or over a connection that is gone; nor to one that called
    /// over another link.
    func reply(to call: MethodCall, _ body: [DBusValue]) {
        if !call.expectsReply || call.link != number { return }
        do throws(DBusError) {
            try send(try OutgoingMessage.reply(to: call, body))
        } catch {
            if error.kind == .offline { return }
            // The caller must not wait for a reply that D-Bus cannot carry.
            replyError(to: call, name: DBusError.Name.failed, message: "the reply cannot be sent: \(error)")
        }
    }

    func replyError(to call: MethodCall, name: String, message: String) {
        if !call.expectsReply || call.link != number { return }
        do throws(DBusError) {
            try send(try OutgoingMessage.error(to: call, name: name, message: message))
        } catch {
            if error.kind != .invalid { return }
            _ = try? send(
                try OutgoingMessage.error(
                    to: call, name: DBusError.Name.failed, message: "the error cannot be sent"))
        }
    }
}
