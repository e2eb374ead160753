import CDBus

/// One reference to a libdbus message, given back when this goes out of scope.
struct OwnedMessage: ~Copyable {
    let pointer: OpaquePointer

    /// Takes over the reference; `nil` is libdbus's way to say that memory ran out.
    private init(adopting pointer: OpaquePointer?) throws(DBusError) {
        guard let pointer else { throw .exhausted("no memory for a message") }
        self.pointer = pointer
    }

    deinit { dbus_message_unref(pointer) }

    // Every name is checked before libdbus sees it: it aborts the process on a broken one.

    static func methodCall(_ call: OutgoingCall, expectsReply: Bool) throws(DBusError) -> OwnedMessage {
        try require(Names.isBusName(call.destination), call.destination, "a bus name")
        try checkMember(path: call.path, interface: call.interface, member: call.member)
        try BodyCheck.check(call.body)
        let message = try OwnedMessage(
            adopting: dbus_message_new_method_call(
                call.destination, call.path, call.interface, call.member))
        if call.noAutoStart { dbus_message_set_auto_start(message.pointer, 0) }
        if !expectsReply { dbus_message_set_no_reply(message.pointer, 1) }
        try MessageWriter.append(call.body, to: message.pointer)
        return message
    }

    static func signal(_ signal: OutgoingSignal) throws(DBusError) -> OwnedMessage {
        try checkMember(path: signal.path, interface: signal.interface, member: signal.member)
        if let destination = signal.destination {
            try require(Names.isBusName(destination), destination, "a bus name")
        }
        try BodyCheck.check(signal.body)
        let message = try OwnedMessage(
            adopting: dbus_message_new_signal(signal.path, signal.interface, signal.member))
        if let destination = signal.destination {
            try requireMemory(dbus_message_set_destination(message.pointer, destination))
        }
        try MessageWriter.append(signal.body, to: message.pointer)
        return message
    }

    static func reply(to call: MethodCall, _ body: [DBusValue]) throws(DBusError) -> OwnedMessage {
        try BodyCheck.check(body)
        let message = try OwnedMessage(adopting: dbus_message_new(DBUS_MESSAGE_TYPE_METHOD_RETURN))
        try message.address(to: call)
        try MessageWriter.append(body, to: message.pointer)
        return message
    }

    static func error(
        to call: MethodCall, name: String, message text: String
    ) throws(DBusError) -> OwnedMessage {
        try require(Names.isInterface(name), name, "the name of an error")
        let body: [DBusValue] = [.string(text)]
        try BodyCheck.check(body)
        let message = try OwnedMessage(adopting: dbus_message_new(DBUS_MESSAGE_TYPE_ERROR))
        try requireMemory(dbus_message_set_error_name(message.pointer, name))
        try message.address(to: call)
        try MessageWriter.append(body, to: message.pointer)
        return message
    }

    private borrowing func address(to call: MethodCall) throws(DBusError) {
        // A caller without a name exists only where there is no bus between us.
        if !call.sender.isEmpty {
            try Self.require(Names.isBusName(call.sender), call.sender, "a bus name")
            try Self.requireMemory(dbus_message_set_destination(pointer, call.sender))
        }
        try Self.requireMemory(dbus_message_set_reply_serial(pointer, call.serial))
        dbus_message_set_no_reply(pointer, 1)
    }

    private static func checkMember(
        path: String, interface: String, member: String
    ) throws(DBusError) {
        try require(Names.isObjectPath(path) && path != BusName.localPath, path, "an object path")
        if path.utf8.count > 65_536 { throw .invalid("an object path of more than 65536 bytes") }
        try require(
            Names.isInterface(interface) && interface != BusName.localInterface, interface,
            "the name of an interface")
        try require(Names.isMember(member), member, "the name of a method or signal")
    }

    private static func require(
        _ holds: Bool, _ name: String, _ kind: @autoclosure () -> String
    ) throws(DBusError) {
        if !holds { throw .invalid("\(name.prefix(300).debugDescription) is not \(kind()) to be used here") }
    }

    private static func requireMemory(_ result: dbus_bool_t) throws(DBusError) {
        if result == 0 { throw .exhausted("no memory for a message") }
    }
}
