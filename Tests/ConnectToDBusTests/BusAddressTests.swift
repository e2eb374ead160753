import Testing

@testable import ConnectToDBus

@Suite(.timeLimit(.minutes(1)))
struct BusAddressTests {
    private func lookup(_ variables: [String: String]) -> BusAddress.Environment {
        { variables[$0].map { Array($0.utf8) } }
    }

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

    @Test("takes a runtime directory byte for byte, whatever its encoding")
    func bytes() throws {
        let address = try BusAddress.session { $0 == "XDG_RUNTIME_DIR" ? [0x2f, 0xe9, 0x0a] : nil }
        #expect(address == "unix:path=/%e9%0a/bus")
    }

    @Test("knows no session bus without either, and starts none")
    func none() {
        let error = #expect(throws: DBusError.self) { try BusAddress.session(environment: lookup([:])) }
        #expect(error?.kind == .unreachable)
        let relative = #expect(throws: DBusError.self) {
            try BusAddress.session(environment: lookup(["XDG_RUNTIME_DIR": "r"]))
        }
        #expect(relative?.kind == .invalid)
    }

    @Test(
        "names the variable whose value is no address",
        arguments: ["autolaunch:", "disabled:", "/a", "a", ";", "unix:path=/a\n", "unix:path=/é", "unix:path=/a\0"])
    func invalid(value: String) {
        for variable in ["DBUS_SESSION_BUS_ADDRESS", "DBUS_SYSTEM_BUS_ADDRESS"] {
            let error = #expect(throws: DBusError.self) {
                if variable.contains("SYSTEM") {
                    _ = try BusAddress.system(environment: lookup([variable: value]))
                } else {
                    _ = try BusAddress.session(environment: lookup([variable: value]))
                }
            }
            #expect(error?.kind == .invalid)
            #expect(error?.message.contains(variable) == true)
        }
    }

    @Test("opens what is left of a list without autolaunch, and without the ids of buses that may be gone")
    func list() throws {
        #expect(try BusAddress.entries(of: "autolaunch:;unix:path=/a;") == ["unix:path=/a"])
        #expect(
            try BusAddress.entries(of: "unix:guid=1,path=/a;disabled:;tcp:host=b,port=1,guid=2")
                == ["unix:path=/a", "tcp:host=b,port=1"])
        #expect(throws: DBusError.self) { try BusAddress.entries(of: "unix:path=/a\0b") }
    }

    @Test("knows where the system's bus is")
    func system() throws {
        #expect(try BusAddress.system(environment: lookup([:])) == "unix:path=/run/dbus/system_bus_socket")
        #expect(
            try BusAddress.system(environment: lookup(["DBUS_SYSTEM_BUS_ADDRESS": "tcp:host=a"]))
                == "tcp:host=a")
    }
}
