import Testing

@testable import DBus

@Suite(.timeLimit(.minutes(1)))
struct BusAddressTests {
    private func lookup(_ variables: [String: String]) -> (String) -> String? { { variables[$0] } }

    @Test("takes the session's address from the environment, else the socket in the runtime directory")
    func session() throws {
        #expect(
            try BusAddress.session(
                environment: lookup(["DBUS_SESSION_BUS_ADDRESS": "unix:path=/a", "XDG_RUNTIME_DIR": "/r"]))
                == "unix:path=/a")
        #expect(
            try BusAddress.session(
                environment: lookup(["DBUS_SESSION_BUS_ADDRESS": "", "XDG_RUNTIME_DIR": "/run/a b,ü"]))
                == "unix:path=/run/a%20b%2c%c3%bc/bus")
    }

    @Test("knows no session bus without either, and starts none")
    func none() {
        for variables in [[:], ["DBUS_SESSION_BUS_ADDRESS": "autolaunch:"]] {
            let error = #expect(throws: DBusError.self) {
                try BusAddress.session(environment: lookup(variables))
            }
            #expect(error?.kind == .unreachable)
        }
    }

    @Test("keeps what is left of a list without autolaunch")
    func list() throws {
        #expect(try BusAddress.withoutAutolaunch("autolaunch:;unix:path=/a;") == "unix:path=/a")
        #expect(throws: DBusError.self) { try BusAddress.withoutAutolaunch("unix:path=/a\0b") }
    }

    @Test("knows where the system's bus is")
    func system() throws {
        #expect(try BusAddress.system(environment: lookup([:])) == "unix:path=/run/dbus/system_bus_socket")
        #expect(
            try BusAddress.system(environment: lookup(["DBUS_SYSTEM_BUS_ADDRESS": "tcp:host=a"]))
                == "tcp:host=a")
    }
}
