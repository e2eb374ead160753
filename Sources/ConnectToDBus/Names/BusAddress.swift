import ConnectToLinux

/// The addresses of the session bus and the system bus.
package enum BusAddress {
    /// Looks up an environment variable, and returns its bytes.
    package typealias Environment = (_ variable: String) -> [UInt8]?

    /// The session bus: DBUS_SESSION_BUS_ADDRESS, or else the socket `bus` in XDG_RUNTIME_DIR. No bus is started.
    ///
    /// - Parameter environment: the process's own by default.
    /// - Throws: ``DBusError`` of kind `unreachable` where neither variable is set; `invalid`, with the variable's
    ///   name in the message, where its value cannot lead to a bus.
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

    /// The system bus: DBUS_SYSTEM_BUS_ADDRESS, or else the well-known socket.
    package static func system(environment: Environment = environmentVariable) throws(DBusError) -> String {
        if let address = environment("DBUS_SYSTEM_BUS_ADDRESS"), !address.isEmpty {
            return try checked(address, in: "DBUS_SYSTEM_BUS_ADDRESS")
        }
        return "unix:path=/run/dbus/system_bus_socket"
    }

    /// The addresses of a list, separated by semicolons. Addresses that would start a bus are left out, and so are the
    /// ids of the servers.
    /// - Throws: ``DBusError/Kind/invalid``, with the list in the message, where it is not a list of addresses.
    static func entries(of list: String) throws(DBusError) -> [String] {
        let bytes = Array(list.utf8)
        return try entries(
            in: bytes, calling: bytes.isEmpty ? "an empty bus address" : "the bus address \(quoted(bytes))")
    }

    // MARK: Reading

    private static func checked(_ list: [UInt8], in variable: String) throws(DBusError) -> String {
        _ = try entries(in: list, calling: "\(variable)=\(quoted(list))")
        // `entries` accepts ASCII only.
        return String(decoding: list, as: UTF8.self)
    }

    /// - Parameter name: the words for the list in an error message.
    private static func entries(in list: [UInt8], calling name: String) throws(DBusError) -> [String] {
        if list.first == UInt8(ascii: "/") {
            let path = list.reversed().drop { $0 <= 0x20 }.reversed()
            throw .invalid("\(name) is a path, not a D-Bus address; write unix:path=\(escape(Array(path)))")
        }
        if let problem = escapingProblem(in: list) { throw .invalid("\(name) \(problem)") }
        let entries = String(decoding: list, as: UTF8.self).split(separator: ";").map(String.init)
        if entries.contains(where: { !$0.contains(":") }) || entries.isEmpty {
            throw .invalid("\(name) is not a D-Bus address; write one such as unix:path=/run/user/1000/bus")
        }
        let usable = entries.filter { !$0.hasPrefix("autolaunch:") && !$0.hasPrefix("disabled:") }
        if !usable.isEmpty { return usable.map(withoutServerID) }
        throw .invalid(
            entries.allSatisfy { $0.hasPrefix("disabled:") }
                ? "\(name) disables the bus; \(advice)"
                : "\(name) names no running bus, and ConnectTo does not start one; \(advice)")
    }

    private static let advice = "run inside a desktop session, or under dbus-run-session"

    /// The end of an error message about the first byte that an address has to escape; nil if there is no such byte.
    private static func escapingProblem(in bytes: [UInt8]) -> String? {
        func needsEscape(_ byte: UInt8) -> Bool { byte <= 0x20 || byte >= 0x7f }
        guard let index = bytes.firstIndex(where: needsEscape) else { return nil }
        let byte = bytes[index]
        let digits = (byte < 16 ? "0" : "") + String(byte, radix: 16)
        let (what, isBlank) =
            switch byte {
            case UInt8(ascii: " "): ("a space", true)
            case UInt8(ascii: "\n"): ("a newline", true)
            case UInt8(ascii: "\r"): ("a carriage return", true)
            case UInt8(ascii: "\t"): ("a tab", true)
            default: ("the byte 0x\(digits)", false)
            }
        if isBlank, index == 0 { return "begins with \(what); remove it" }
        if isBlank, bytes[index...].allSatisfy({ $0 <= 0x20 }) { return "ends with \(what); remove it" }
        return "contains \(what); write it as %\(digits)"
    }

    /// The address without the server's id (`guid=`).
    ///
    /// A restarted bus has the same address and another id. libdbus compares the id and hangs up if it differs, but the
    /// address may be older than the bus, as in an inherited environment. sd-bus and GDBus do not compare the id
    /// either. The id gives no security: it is no secret, so a program that can listen at the address can also send the
    /// id.
    private static func withoutServerID(_ entry: String) -> String {
        guard let colon = entry.firstIndex(of: ":") else { return entry }
        let options = entry[entry.index(after: colon)...].split(separator: ",")
        return entry[...colon] + options.filter { !$0.hasPrefix("guid=") }.joined(separator: ",")
    }

    // MARK: Writing

    /// Escapes a value for an address: bytes other than these become % and two hexadecimal digits.
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

    /// The first 200 bytes in quotation marks, for an error message. Bytes that are not printable ASCII become `\xE9`.
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
