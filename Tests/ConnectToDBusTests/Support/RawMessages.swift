import CConnectToDBus
import ConnectToLinux
import Testing

@testable import ConnectToDBus

/// Messages that ``BusConnection`` cannot send.
extension BusConnection {
    /// Emits a signal of ``Objects`` to all subscribers, or to one connection.
    func emit(_ member: String, _ number: Int32 = 0, to destination: String? = nil) throws {
        let connection = try #require(link.connection)
        let signal = try #require(dbus_message_new_signal("/", Objects.interface, member))
        defer { dbus_message_unref(signal) }
        if let destination { dbus_message_set_destination(signal, destination) }
        var iterator = DBusMessageIter()
        dbus_message_iter_init_append(signal, &iterator)
        var number = number
        dbus_message_iter_append_basic(&iterator, Int32(TypeCode.int32), &number)
        #expect(dbus_connection_send(connection, signal, nil) != 0)
    }

    /// Makes a call with one descriptor, to which the body refers by any index, also one that the message does not
    /// have.
    func call(
        _ destination: String, with descriptor: Descriptor, asNumber number: UInt8,
        completion: @escaping PendingCalls.Completion
    ) throws {
        let connection = try #require(link.connection)
        let serial = UInt32.max
        let message = try CheckedMessage.methodCall(
            .test(destination, Objects.echo, [.unixFD(descriptor)]), expectsReply: true)
        var bytes = MessageEncoder(message, serial: serial).bytes
        // The index is the whole body, in little-endian order.
        bytes[bytes.count - 4] = number
        var socket: Int32 = -1
        #expect(dbus_connection_get_socket(connection, &socket) != 0)
        #expect(sendAtOnce(bytes, descriptors: [descriptor], on: socket) == bytes.count)
        link.pending.insert(
            PendingCalls.Call(
                replier: destination, destination: destination, member: "Call",
                timer: reactor.schedule(after: .seconds(30)) {}, completion: completion),
            serial: serial)
    }
}
