/// Checks names by the rules of the D-Bus specification, without libdbus, which aborts on a broken one.
package enum Names {
    /// In bytes, for bus names, interfaces and members. Object paths have no limit of their own.
    package static let maximumLength = 255

    /// A name that can be asked for and called: `org.example.App-1`. Not unique names.
    package static func isWellKnownBusName(_ name: String) -> Bool {
        name.utf8.count <= maximumLength
            && hasElements(name.utf8, separator: dot, least: 2, first: isWordStartOrDash, rest: isWordOrDash)
    }

    /// The name that the bus itself gives a connection: `:1.42`.
    package static func isUniqueBusName(_ name: String) -> Bool {
        name.utf8.count <= maximumLength && name.utf8.first == UInt8(ascii: ":")
            && hasElements(
                name.utf8.dropFirst(), separator: dot, least: 2, first: isWordOrDash, rest: isWordOrDash)
    }

    /// Either of the two.
    package static func isBusName(_ name: String) -> Bool {
        isWellKnownBusName(name) || isUniqueBusName(name)
    }

    /// `org.example.Interface`; the rule for the names of errors too.
    package static func isInterface(_ name: String) -> Bool {
        name.utf8.count <= maximumLength
            && hasElements(name.utf8, separator: dot, least: 2, first: isWordStart, rest: isWord)
    }

    /// The name of a method or a signal.
    package static func isMember(_ name: String) -> Bool {
        name.utf8.count <= maximumLength
            && hasElements(name.utf8, separator: nil, least: 1, first: isWordStart, rest: isWord)
    }

    /// `/`, or elements of letters, digits and underscores, each after a slash.
    package static func isObjectPath(_ path: String) -> Bool {
        if path.utf8.first != slash { return false }
        let rest = path.utf8.dropFirst()
        return rest.isEmpty
            || hasElements(rest, separator: slash, least: 1, first: isWord, rest: isWord)
    }

    // MARK: Letters

    private static let dot = UInt8(ascii: ".")
    private static let slash = UInt8(ascii: "/")

    /// Whether the text is made of at least so many elements, none of them empty.
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
