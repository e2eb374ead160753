import CConnectToDBus
import ConnectTo
import Glibc

/// Goes on as the user and group that the test asks for, and of no other group.
func becomeAnotherUser() {
    guard let text = getenv("CONNECTTO_TEST_UID"), let uid = UInt32(String(cString: text)) else { return }
    guard setgroups(0, nil) == 0, setgid(uid) == 0, setuid(uid) == 0 else {
        say("cannot become user \(uid)")
        exit(77)
    }
}

/// Connects to NAME0, NAME1, … one after the other, and says of each what comes of it.
func knock(_ name: String, _ count: Int, ownsContext: Bool, on address: String) async throws {
    let bus = try await Bus.at(address)
    let own = ownsContext ? try await bus.register("own", origin: "org.example.U\(getuid())") : nil
    for number in 0..<count {
        let port = bus.connectTo(name + "\(number)", options: .init(wait: .now))
        do {
            try await port.waitUntilOpen()
            say("open")
        } catch {
            say(error.reason?.description ?? "\(error)")
        }
        port.close()
    }
    await own?.unregister()
}

/// Calls a context as fast as the bus carries, with libdbus alone, for so many seconds: with up to 256 calls that wait
/// for their answers, or, if it is deaf, waiting for nothing. When the bus cuts it off it comes back under a new
/// unique name.
func flood(_ name: String, seconds: Int, isDeaf: Bool, on address: String) throws {
    let context = try ContextName(name)
    let path = "/org/connectto/Context/\(context.busName.split(separator: ".").last ?? "")"
    var ends: [Int32] = [-1, -1]
    socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends)
    say("flooding")
    let end = ContinuousClock.now + .seconds(seconds)
    var (calls, connections) = (0, 0)
    while ContinuousClock.now < end {
        guard let connection = dbus_connection_open_private(address, nil) else { return say("no bus") }
        dbus_connection_set_exit_on_disconnect(connection, 0)
        if dbus_bus_register(connection, nil) != 0 { connections += 1 }
        var waiting = 0
        while ContinuousClock.now < end, dbus_connection_get_is_connected(connection) != 0 {
            for _ in 0..<(isDeaf ? 64 : 256 - waiting)
            where send(context.busName, path, ends[1], isDeaf, on: connection) {
                calls += 1
                waiting += isDeaf ? 0 : 1
            }
            if isDeaf { dbus_connection_flush(connection) }
            dbus_connection_read_write(connection, isDeaf ? 0 : 10)
            while let message = dbus_connection_pop_message(connection) {
                if dbus_message_get_reply_serial(message) != 0 { waiting = max(0, waiting - 1) }
                dbus_message_unref(message)
            }
        }
        dbus_connection_close(connection)
        dbus_connection_unref(connection)
    }
    say("\(calls) calls over \(connections) connections")
}

private func send(_ name: String, _ path: String, _ line: Int32, _ isDeaf: Bool, on connection: OpaquePointer)
    -> Bool
{
    guard let call = dbus_message_new_method_call(name, path, "org.connectto.Context1", "Connect") else {
        return false
    }
    defer { dbus_message_unref(call) }
    dbus_message_set_no_reply(call, isDeaf ? 1 : 0)
    var line = line
    var iterator = DBusMessageIter()
    dbus_message_iter_init_append(call, &iterator)
    dbus_message_iter_append_basic(&iterator, Int32(UInt8(ascii: "h")), &line)
    var options = DBusMessageIter()
    dbus_message_iter_open_container(&iterator, Int32(UInt8(ascii: "a")), "{sv}", &options)
    dbus_message_iter_close_container(&iterator, &options)
    return dbus_connection_send(connection, call, nil) != 0
}
