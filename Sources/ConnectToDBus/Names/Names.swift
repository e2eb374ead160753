/// Checks names by the rules of the D-Bus specification. libdbus's own checks abort the process on an invalid name.
package enum Names {
    /// The limit in bytes for bus names, interfaces and members. Object paths have none of their own.
    package static let maximumLength = 255

    /// A name that a program can request: `org.example.App-1`. Not a unique name.
    package static func isWellKnownBusName(_ name: String) -> Bool {
        name.utf8.count <= maximumLength
            && hasElements(name.utf8, separator: dot, least: 2, first: isWordStartOrDash, rest: isWordOrDash)
    }

    /// A unique name, which the bus assigns to a connection: `:1.42`.
    package static func isUniqueBusName(_ name: String) -> Bool {
        name.utf8.count <= maximumLength && name.utf8.first == UInt8(ascii: ":")
            && hasElements(
                name.utf8.dropFirst(), separator: dot, least: 2, first: isWordOrDash, rest: isWordOrDash)
    }

    /// A well-known or a unique name.
    package static func isBusName(_ name: String) -> Bool {
        isWellKnownBusName(name) || isUniqueBusName(name)
    }

    /// The name of an interface, `org.example.Interface`. The names of errors follow the same rules.
    package static func isInterface(_ name: String) -> Bool {
        name.utf8.count <= maximumLength
            && hasElements(name.utf8, separator: dot, least: 2, first: isWordStart, rest: isWord)
    }

    /// The name of a method or a signal.
    package static func isMember(_ name: String) -> Bool {
        name.utf8.count <= maximumLength
            && hasElements(name.utf8, separator: nil, least: 1, first: isWordStart, rest: isWord)
    }

    /// `/`, or elements of letters, digits and underscores, each after a slash: `/org/example/object_1`.
    package static func isObjectPath(_ path: String) -> Bool {
        if path.utf8.first != slash { return false }
        let rest = path.utf8.dropFirst()
        return rest.isEmpty
            || hasElements(rest, separator: slash, least: 1, first: isWord, rest: isWord)
    }

    // MARK: Letters

    private static let dot = UInt8(ascii: ".")
    private static let slash = UInt8(ascii: "/")

    /// Whether the text consists of at least `least` elements, none of them empty.
    private static func hasElements(
        _ text: some Collection<UInt8>, separator: UInt8?, least: Int,
        first isFirst: (UInt8) -> Bool, rest isRest: (UInt8) -> Bool
    ) -> Bool {
        var elements = 1
        var isAtStart = true
        for byte in text {
            if byte == separator {
                if isAtStart { return false }
                elements += 1
                isAtStart = true
            } else {
                if !(isAtStart ? isFirst(byte) : isRest(byte)) { return false }
                isAtStart = false
            }
        }
        return !isAtStart && elements >= least
    }

    private static func isWordStart(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    private static func isWordStartOrDash(_ byte: UInt8) -> Bool {
        isWordStart(byte) || byte == UInt8(ascii: "-")
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        isWordStart(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isWordOrDash(_ byte: UInt8) -> Bool {
        isWord(byte) || byte == UInt8(ascii: "-")
    }
}
