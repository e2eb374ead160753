/// A context's name with the origin it lives under, and the forms it takes on the bus.
///
/// A name is any UTF-8 but the empty one; `/ . - :`, spaces and newlines are fine. Names are compared by their
/// bytes: two that look alike may differ (`dbus/PROTOCOL.md`, "Names").
public struct ContextName: Sendable, Hashable, CustomStringConvertible {
    /// The origin where none is given.
    public static let defaultOrigin = "org.connectto"

    /// The most that a bus name may have, in bytes (D-Bus specification, "Valid Names").
    static let busNameLimit = 255
    private static let infix = ".Context."

    /// The name, as its program gave it.
    public let name: String
    /// The reverse-DNS application id that the name lives under.
    public let origin: String
    /// The well-known name on the bus.
    public let busName: String

    /// - Parameters:
    ///   - name: not empty; with the origin, and after escaping, at most 255 bytes.
    ///   - origin: two elements or more of `[A-Za-z0-9_-]`, separated by dots, none beginning with a digit.
    /// - Throws: ``ConnectToError`` with ``ConnectToError/Code/invalidName``, which says what is wrong.
    public init(_ name: String, origin: String = defaultOrigin) throws(ConnectToError) {
        guard !name.isEmpty else {
            throw ConnectToError(.invalidName, "the empty name is no name; give the context one")
        }
        guard Self.isOrigin(origin) else {
            throw ConnectToError(
                .invalidName,
                "\(origin) is no origin; use a reverse-DNS id such as org.example.Editor")
        }
        let busName = origin + Self.infix + Escaping.escape(name)
        guard busName.utf8.count <= Self.busNameLimit else {
            let room = Self.busNameLimit - origin.utf8.count - Self.infix.utf8.count
            throw ConnectToError(
                .invalidName,
                """
                the name is too long: \(busName.utf8.count - Self.busNameLimit + room) bytes after escaping, \
                the limit is \(room) under the origin \(origin) (bytes outside A-Z, a-z, 0-9 count three)
                """)
        }
        self.name = name
        self.origin = origin
        self.busName = busName
    }

    /// The context that a bus name stands for, or nil if it stands for none.
    public init?(busName: String) {
        guard busName.utf8.count <= Self.busNameLimit, let (origin, escaped) = Self.split(busName),
            Self.isOrigin(origin), let name = Escaping.unescape(escaped)
        else { return nil }
        self.name = name
        self.origin = origin
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

    static func isOrigin(_ origin: String) -> Bool {
        let elements = origin.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return elements.count >= 2 && elements.allSatisfy(isOriginElement)
    }

    private static func isOriginElement(_ element: Substring.UTF8View) -> Bool {
        guard let first = element.first, !Escaping.isDigit(first) else { return false }
        return element.allSatisfy {
            Escaping.isAlphanumeric($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
        }
    }

    /// The path of the context's object.
    var objectPath: String {
        let elements = origin.split(separator: ".").map { Escaping.escape(String($0)) }
        return "/" + (elements + ["Context", Escaping.escape(name)]).joined(separator: "/")
    }

    public var description: String { name }

    /// In quotation marks, and with control characters escaped: for messages.
    var quoted: String { name.debugDescription }

    // By their bytes: Swift's strings are equal where only their accents are composed differently.
    public static func == (a: ContextName, b: ContextName) -> Bool {
        a.busName.utf8.elementsEqual(b.busName.utf8)
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(busName)
    }
}
