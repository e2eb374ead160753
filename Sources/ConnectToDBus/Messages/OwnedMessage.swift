import CConnectToDBus

/// One reference to a libdbus message, released when this goes out of scope.
struct OwnedMessage: ~Copyable {
    let pointer: OpaquePointer

    private init(_ kind: CheckedMessage.Kind) throws(DBusError) {
        guard let pointer = dbus_message_new(Int32(kind.rawValue)) else {
            throw Self.outOfMemory
        }
        self.pointer = pointer
    }

    static func make(_ message: CheckedMessage) throws(DBusError) -> OwnedMessage {
        let owned = try OwnedMessage(message.kind)
        dbus_message_set_auto_start(owned.pointer, message.flags.contains(.noAutoStart) ? 0 : 1)
        dbus_message_set_no_reply(owned.pointer, message.flags.contains(.noReplyExpected) ? 1 : 0)
        try owned.set(message.destination, dbus_message_set_destination)
        try owned.set(message.path, dbus_message_set_path)
        try owned.set(message.interface, dbus_message_set_interface)
        try owned.set(message.member, dbus_message_set_member)
        try owned.set(message.errorName, dbus_message_set_error_name)
        if let serial = message.replySerial {
            try Self.requireMemory(dbus_message_set_reply_serial(owned.pointer, serial))
        }
        try MessageWriter.append(message.body, to: owned.pointer)
        return owned
    }

    deinit { dbus_message_unref(pointer) }

    private borrowing func set(
        _ text: String?, _ setter: (OpaquePointer?, UnsafePointer<CChar>?) -> dbus_bool_t
    ) throws(DBusError) {
        if let text { try Self.requireMemory(setter(pointer, text)) }
    }

    private static func requireMemory(_ result: dbus_bool_t) throws(DBusError) {
        if result == 0 { throw outOfMemory }
    }

    private static var outOfMemory: DBusError { .exhausted("not enough memory for a D-Bus message") }
}
