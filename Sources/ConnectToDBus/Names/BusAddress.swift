import ConnectToLinux

/// Where the buses of this machine and session listen.
package enum BusAddress {
    /// Looks up a variable of the environment, byte for byte.
    package typealias Environment = (_ variable: String) -> [UInt8]?

    /// The bus of the user's session: DBUS_SESSION_BUS_ADDRESS, else the socket `bus` in XDG_RUNTIME_DIR.
    ///
    /// No bus is ever started for the purpose.
    /// - Parameter environment: the process's own by default.
    /// - Throws: ``DBusError`` of kind `unreachable` where neither variable is set; `invalid`, with the variable's
    ///   name in the message, for a value that leads to no bus.
    package static func session(environment: Environment = environmentVariable) throws(DBusError) -> String {
        if let address = environment("DBUS_SESSION_BUS_ADDRESS"), !address.isEmpty {
            return try checked(address, in: "DBUS_SESSION_BUS_ADDRESS")
        }
        guard let directory = environment("XDG_RUNTIME_DIR"), !directory.isEmpty else {
            throw .unreachable(
                "there is no session bus: neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set; \(advice)")
        }
        guard directory.first == UInt8(ascii: "/") else {
            throw .invalid(
                "there is no session bus: DBUS_SESSION_BUS_ADDRESS is not set, and XDG_RUNTIME_DIR "
                    + "(\(quoted(directory))) is not an absolute path; \(advice)")
        }
        return "unix:path=\(escape(directory))/bus"
    }

    /// The machine's bus: DBUS_SYSTEM_BUS_ADDRESS, else the well-known socket.
    package static func system(environment: Environment = environmentVariable) throws(DBusError) -> String {
        if let address = environment("DBUS_SYSTEM_BUS_ADDRESS"), !address.isEmpty {
            return try checked(address, in: "DBUS_SYSTEM_BUS_ADDRESS")
        }
        return "unix:path=/run/dbus/system_bus_socket"
    }

    /// The addresses of a list, each as it is to be opened, without those that would start a bus.
    /// - Throws: ``DBusError/Kind/invalid``, with the list in the message, for what is no list of addresses.
    static func entries(of list: String) throws(DBusError) -> [String] {
        let bytes = Array(list.utf8)
        return try entries(in: bytes, calling: bytes.isEmpty ? "the bus address" : "the bus address \(quoted(bytes))")
    }

    // MARK: Reading

    private static func checked(_ list: [UInt8], in variable: String) throws(DBusError) -> String {
        _ = try entries(in: list, calling: "\(variable)=\(quoted(list))")
        // All ASCII, as has been seen.
        return String(decoding: list, as: UTF8.self)
    }

    /// - Parameter name: what an error calls the list.
    private static func entries(in list: [UInt8], calling name: String) throws(DBusError) -> [String] {
        if list.first == UInt8(ascii: "/") {
            let path = list.reversed().drop { $0 <= 0x20 }.reversed()
            throw .invalid("\(name) is a path; the address of a socket there is unix:path=\(escape(Array(path)))")
        }
        if let problem = foreignByte(in: list) { throw .invalid("\(name) \(problem)") }
        let entries = String(decoding: list, as: UTF8.self).split(separator: ";").map(String.init)
        if entries.contains(where: { !$0.contains(":") }) || entries.isEmpty {
            throw .invalid("\(name) is no address; one is unix:path=/run/user/1000/bus")
        }
        let usable = entries.filter { !$0.hasPrefix("autolaunch:") && !$0.hasPrefix("disabled:") }
        if !usable.isEmpty { return usable.map(withoutServerID) }
        throw .invalid(
            entries.allSatisfy { $0.hasPrefix("disabled:") }
                ? "\(name) says that there is to be no bus here; \(advice)"
                : "\(name) asks for a bus to be started, and names none that is running; \(advice)")
    }

    private static let advice = "run inside a desktop session, or under dbus-run-session"

    /// The first byte that an address never has as it is, as the end of a sentence.
    private static func foreignByte(in bytes: [UInt8]) -> String? {
        func isForeign(_ byte: UInt8) -> Bool { byte <= 0x20 || byte >= 0x7f }
        guard let index = bytes.firstIndex(where: isForeign) else { return nil }
        let byte = bytes[index]
        let digits = (byte < 16 ? "0" : "") + String(byte, radix: 16)
        let (what, isBlank) =
            switch byte {
            case UInt8(ascii: " "): ("a blank", true)
            case UInt8(ascii: "\n"): ("a newline", true)
            case UInt8(ascii: "\r"): ("a carriage return", true)
            case UInt8(ascii: "\t"): ("a tab", true)
            default: ("the byte 0x\(digits)", false)
            }
        if isBlank, index == 0 { return "begins with \(what); leave that out" }
        if isBlank, bytes[index...].allSatisfy({ $0 <= 0x20 }) { return "ends with \(what); leave that out" }
        return "contains \(what), which an address writes as %\(digits)"
    }

    /// The address without the id of the server there.
    ///
    /// A bus that was started again listens at the same address with another id. libdbus, given the old one, connects,
    /// compares and hangs up; but what was given to us may be older than the bus: the environment that a process
    /// inherits is. sd-bus and GDBus do not compare either. Nothing is lost by it: the id is no secret, so whoever can
    /// listen at the address could also say the right one.
    private static func withoutServerID(_ entry: String) -> String {
        guard let colon = entry.firstIndex(of: ":") else { return entry }
        let options = entry[entry.index(after: colon)...].split(separator: ",")
        return entry[...colon] + options.filter { !$0.hasPrefix("guid=") }.joined(separator: ",")
    }

    // MARK: Writing

    /// A value inside an address: other bytes than these stand there as % and two digits.
    static func escape(_ value: [UInt8]) -> String {
        var escaped: [UInt8] = []
        for byte in value {
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

    /// For an error: its beginning, with what is not ASCII, or not seen, as `\xE9`.
    private static func quoted(_ bytes: some Collection<UInt8>) -> String {
        let text = bytes.prefix(200).map { byte in
            switch byte {
            case UInt8(ascii: "\n"): "\\n"
            case 0x20..<0x7f: String(UnicodeScalar(byte))
            default: "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return "\"\(text.joined())\(bytes.count > 200 ? "…" : "")\""
    }
}
