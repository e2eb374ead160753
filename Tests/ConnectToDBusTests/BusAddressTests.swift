import Testing

@testable import ConnectToDBus

@Suite(.timeLimit(.minutes(1)))
struct BusAddressTests {
    private func lookup(_ variables: [String: String]) -> BusAddress.Environment {
        { variables[$0].map { Array($0.utf8) } }
    }

    @Test("The session bus's address comes from the environment, else from the runtime directory")
    func sessionBusFromEnvironment() throws {
        #expect(
            try BusAddress.session(
                environment: lookup(["DBUS_SESSION_BUS_ADDRESS": "unix:path=/a", "XDG_RUNTIME_DIR": "/r"]))
                == "unix:path=/a")
        #expect(
            try BusAddress.session(
                environment: lookup(["DBUS_SESSION_BUS_ADDRESS": "", "XDG_RUNTIME_DIR": "/run/a b,ü"]))
                == "unix:path=/run/a%20b%2c%c3%bc/bus")
    }

    @Test("A runtime directory is taken byte for byte, in any encoding")
    func runtimeDirectoryInAnyEncoding() throws {
        let address = try BusAddress.session { $0 == "XDG_RUNTIME_DIR" ? [0x2f, 0xe9, 0x0a] : nil }
        #expect(address == "unix:path=/%e9%0a/bus")
    }

    @Test("Without an address and a runtime directory there is no session bus, and none is started")
    func noSessionBus() {
        let error = #expect(throws: DBusError.self) { try BusAddress.session(environment: lookup([:])) }
        #expect(error?.kind == .unreachable)
        let relative = #expect(throws: DBusError.self) {
            try BusAddress.session(environment: lookup(["XDG_RUNTIME_DIR": "r"]))
        }
        #expect(relative?.kind == .invalid)
    }

    @Test(
        "The error for a bad bus address names the environment variable",
        arguments: ["autolaunch:", "disabled:", "/a", "a", ";", "unix:path=/a\n", "unix:path=/é", "unix:path=/a\0"])
    func badAddressNamesVariable(value: String) {
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

    @Test("A list of addresses is used without autolaunch addresses and without servers' ids")
    func listWithoutAutolaunchAndServerIDs() throws {
        #expect(try BusAddress.entries(of: "autolaunch:;unix:path=/a;") == ["unix:path=/a"])
        #expect(
            try BusAddress.entries(of: "unix:guid=1,path=/a;disabled:;tcp:host=b,port=1,guid=2")
                == ["unix:path=/a", "tcp:host=b,port=1"])
        #expect(throws: DBusError.self) { try BusAddress.entries(of: "unix:path=/a\0b") }
    }

    @Test("The system bus's address comes from the environment, else it is the well-known socket")
    func systemBus() throws {
        #expect(try BusAddress.system(environment: lookup([:])) == "unix:path=/run/dbus/system_bus_socket")
        #expect(
            try BusAddress.system(environment: lookup(["DBUS_SYSTEM_BUS_ADDRESS": "tcp:host=a"]))
                == "tcp:host=a")
    }
}
