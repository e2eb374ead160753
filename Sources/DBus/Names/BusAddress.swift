import Glibc

/// Where the buses of this machine and session listen.
package enum BusAddress {
    /// The bus of the user's session: DBUS_SESSION_BUS_ADDRESS, else the socket `bus` in XDG_RUNTIME_DIR.
    ///
    /// No bus is ever started for the purpose.
    /// - Parameter environment: looks a variable up; the process's own by default.
    /// - Throws: ``DBusError/Kind/unreachable`` where neither variable is set, or only `autolaunch:` is left.
    package static func session(
        environment: (String) -> String? = processEnvironment
    ) throws(DBusError) -> String {
        if let address = environment("DBUS_SESSION_BUS_ADDRESS"), !address.isEmpty {
            return try withoutAutolaunch(address)
        }
        if let directory = environment("XDG_RUNTIME_DIR"), !directory.isEmpty {
            return "unix:path=\(escape(directory))/bus"
        }
        throw .unreachable(
            "there is no session bus: neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set; "
                + "run inside a desktop session, or under dbus-run-session")
    }

    /// The machine's bus: DBUS_SYSTEM_BUS_ADDRESS, else the well-known socket.
    package static func system(
        environment: (String) -> String? = processEnvironment
    ) throws(DBusError) -> String {
        if let address = environment("DBUS_SYSTEM_BUS_ADDRESS"), !address.isEmpty {
            return try withoutAutolaunch(address)
        }
        return "unix:path=/run/dbus/system_bus_socket"
    }

    /// The address without the entries that would start a bus.
    /// - Throws: ``DBusError/Kind/unreachable`` if none is left, ``DBusError/Kind/invalid`` for a NUL in it.
    static func withoutAutolaunch(_ address: String) throws(DBusError) -> String {
        if address.utf8.contains(0) { throw .invalid("the address of a bus holds a NUL") }
        let entries = address.split(separator: ";", omittingEmptySubsequences: true)
        let kept = entries.filter { !$0.hasPrefix("autolaunch:") }
        if kept.isEmpty {
            throw .unreachable(
                "the bus address \(address.prefix(200).debugDescription) names no bus that is running already"
            )
        }
        return kept.joined(separator: ";")
    }

    /// The address without the ids of the servers there: a bus that was started again has another one, and libdbus
    /// would not let us in.
    static func withoutServerID(_ address: String) -> String {
        address.split(separator: ";").map { entry in
            guard let colon = entry.firstIndex(of: ":") else { return String(entry) }
            let options = entry[entry.index(after: colon)...].split(separator: ",")
            return entry[...colon] + options.filter { !$0.hasPrefix("guid=") }.joined(separator: ",")
        }.joined(separator: ";")
    }

    /// A value inside an address: other bytes than these stand there as % and two digits.
    static func escape(_ value: String) -> String {
        var escaped: [UInt8] = []
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "\\"), UInt8(ascii: "*"):
                escaped.append(byte)
            default:
                escaped.append(UInt8(ascii: "%"))
                if byte < 16 { escaped.append(UInt8(ascii: "0")) }
                escaped += Array(String(byte, radix: 16).utf8)
            }
        }
        return String(decoding: escaped, as: UTF8.self)
    }

    /// The environment that this process was started with.
    package static func processEnvironment(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }
}
