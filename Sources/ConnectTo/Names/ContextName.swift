import ConnectToDBus

/// A context's name with the origin that it lives under, and its forms on the bus.
///
/// A name is any UTF-8 except the empty string; `/ . - :`, spaces and newlines are fine. Names are compared by their
/// bytes: two names that look alike may differ (`dbus/PROTOCOL.md`, "Names").
public struct ContextName: Sendable, Hashable, CustomStringConvertible {
    /// The origin where none is given.
    public static let defaultOrigin = "org.connectto"

    /// The longest bus name, in bytes (D-Bus specification, "Valid Names").
    static let busNameLimit = 255
    private static let infix = ".Context."

    /// The well-known name on the bus. The other forms are computed from it at each access, to save memory: there may
    /// be many names.
    public let busName: String

    /// The name, as its program gave it.
    public var name: String { Self.split(busName).flatMap { Escaping.unescape($0.escaped) } ?? "" }
    /// The reverse-DNS application id that the name lives under.
    public var origin: String { Self.split(busName)?.origin ?? "" }

    /// - Parameters:
    ///   - name: not empty; with the origin, and after escaping, at most 255 bytes.
    ///   - origin: two elements or more of `[A-Za-z0-9_-]`, separated by dots, none beginning with a digit.
    /// - Throws: ``ConnectToError`` with ``ConnectToError/Code/invalidName``, which says what is wrong.
    public init(_ name: String, origin: String = defaultOrigin) throws(ConnectToError) {
        guard !name.isEmpty else {
            throw ConnectToError(.invalidName, "a context name must not be empty; give the context a name")
        }
        guard Self.isOrigin(origin) else {
            throw ConnectToError(
                .invalidName,
                "\(origin.debugDescription) is not a valid origin; use a reverse-DNS id such as org.example.Editor")
        }
        let escaped = Escaping.escape(name)
        var busName = ""
        // Reserves no more than needed: there may be many names.
        busName.reserveCapacity(origin.utf8.count + Self.infix.utf8.count + escaped.utf8.count)
        busName += origin
        busName += Self.infix
        busName += escaped
        guard busName.utf8.count <= Self.busNameLimit else {
            let room = Self.busNameLimit - origin.utf8.count - Self.infix.utf8.count
            throw ConnectToError(
                .invalidName,
                """
                the context name is too long: it has \(busName.utf8.count - Self.busNameLimit + room) bytes after \
                escaping, and the limit is \(room) under the origin \(origin) (a byte outside A-Z, a-z and 0-9 counts \
                three); choose a shorter name
                """)
        }
        self.busName = busName
    }

    /// The context that a bus name stands for, or nil if it stands for none.
    public init?(busName: String) {
        guard busName.utf8.count <= Self.busNameLimit, let (origin, escaped) = Self.split(busName),
            Self.isOrigin(origin), Escaping.unescape(escaped) != nil
        else { return nil }
        self.busName = busName
    }

    private static func split(_ busName: String) -> (origin: String, escaped: String)? {
        guard let dot = busName.utf8.lastIndex(of: UInt8(ascii: ".")) else { return nil }
        let escaped = String(busName[busName.utf8.index(after: dot)...])
        let front = busName[..<dot].utf8
        let suffix = ".Context".utf8
        guard front.suffix(suffix.count).elementsEqual(suffix) else { return nil }
        return (String(Substring(front.dropLast(suffix.count))), escaped)
    }

    /// The length of the origin, in bytes.
    private static func originLength(in busName: String) -> Int {
        guard let dot = busName.utf8.lastIndex(of: UInt8(ascii: ".")) else { return 0 }
        return busName.utf8.distance(from: busName.utf8.startIndex, to: dot) - infix.utf8.count + 1
    }

    static func isOrigin(_ origin: String) -> Bool {
        // An origin is the beginning of a well-known bus name, so it has to have the elements of one.
        Names.isWellKnownBusName(origin)
    }

    /// The path of the context's object.
    ///
    /// The bus name with slashes in place of its dots. The part of the origin is not escaped yet, so it is escaped
    /// here.
    var objectPath: String {
        let (dot, slash) = (UInt8(ascii: "."), UInt8(ascii: "/"))
        return String(unsafeUninitializedCapacity: 1 + 3 * busName.utf8.count) { path in
            path[0] = slash
            var count = 1
            var originsBytes = Self.originLength(in: busName)
            for byte in busName.utf8 {
                if byte == dot || originsBytes <= 0 || Escaping.isAlphanumeric(byte) {
                    path[count] = byte == dot ? slash : byte
                    count += 1
                } else {
                    count = Escaping.append(byte, to: path, at: count)
                }
                originsBytes -= 1
            }
            return count
        }
    }

    /// The bus name of the context that has its object at this path, whether it exists or not. Nil for a path that
    /// cannot be a context's.
    static func busName(ofObjectAt path: String) -> String? {
        var path = path
        return path.withUTF8 { path in
            guard path.count > 1, let last = path.lastIndex(of: UInt8(ascii: "/")) else { return nil }
            var index = 1
            let name = String(unsafeUninitializedCapacity: path.count) { name in
                var count = 0
                while index < path.count {
                    var (byte, length) = (path[index], 1)
                    if byte == UInt8(ascii: "/") {
                        byte = UInt8(ascii: ".")
                    } else if byte == UInt8(ascii: "_"), index < last {
                        // An origin contains no other escapes than these two. The last element stays as it is.
                        switch (path[index + 1], path[min(index + 2, last)]) {
                        case (UInt8(ascii: "5"), UInt8(ascii: "f")): length = 3
                        case (UInt8(ascii: "2"), UInt8(ascii: "d")): (byte, length) = (UInt8(ascii: "-"), 3)
                        default: return 0
                        }
                    }
                    name[count] = byte
                    count += 1
                    index += length
                }
                return count
            }
            return name.isEmpty ? nil : name
        }
    }

    public var description: String { name }

    /// In quotation marks, and with control characters escaped: for error messages and logs.
    var quoted: String { name.debugDescription }

    // Compared by bytes: Swift's strings are equal also where only their accents are composed differently.
    public static func == (a: ContextName, b: ContextName) -> Bool {
        a.busName.utf8.elementsEqual(b.busName.utf8)
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(busName)
    }
}
