import CDBus
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
func knock(_ name: String, _ count: Int, bearsContext: Bool, on address: String) async throws {
    let bus = try await Bus.at(address)
    let own = bearsContext ? try await bus.register("own", origin: "org.example.U\(getuid())") : nil
    for number in 0..<count {
        let port = bus.connectTo(name + "\(number)", wait: .now)
        do {
            try await port.opened
            say("open")
        } catch {
            say(error.reason?.description ?? "\(error)")
        }
        port.close()
    }
    await own?.unregister()
}

/// Calls a context as fast as the bus carries, waiting for no answer, with libdbus alone: for so many seconds.
func flood(_ name: String, seconds: Int, on address: String) throws {
    let context = try ContextName(name)
    let path = "/org/connectto/Context/\(context.busName.split(separator: ".").last ?? "")"
    guard let connection = dbus_connection_open_private(address, nil),
        dbus_bus_register(connection, nil) != 0
    else { return say("no bus") }
    var ends: [Int32] = [-1, -1]
    socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends)
    say("flooding")
    let end = ContinuousClock.now + .seconds(seconds)
    var calls = 0
    while ContinuousClock.now < end {
        for _ in 0..<64 {
            guard
                let call = dbus_message_new_method_call(
                    context.busName, path, "org.connectto.Context1", "Connect")
            else { return say("no memory") }
            dbus_message_set_no_reply(call, 1)
            var iterator = DBusMessageIter()
            dbus_message_iter_init_append(call, &iterator)
            dbus_message_iter_append_basic(&iterator, Int32(UInt8(ascii: "h")), &ends[1])
            var options = DBusMessageIter()
            dbus_message_iter_open_container(&iterator, Int32(UInt8(ascii: "a")), "{sv}", &options)
            dbus_message_iter_close_container(&iterator, &options)
            dbus_connection_send(connection, call, nil)
            dbus_message_unref(call)
            calls += 1
        }
        dbus_connection_flush(connection)
        if dbus_connection_get_is_connected(connection) == 0 { return say("cut off after \(calls) calls") }
        dbus_connection_read_write(connection, 0)
        while let message = dbus_connection_pop_message(connection) { dbus_message_unref(message) }
    }
    say("done \(calls)")
}
