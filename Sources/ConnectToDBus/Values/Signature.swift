/// Checks signatures by the rules of the D-Bus specification. libdbus aborts the process on an invalid one.
package enum Signature {
    /// The limit in bytes, because the length is one byte on the wire.
    package static let maximumLength = 255
    /// The limit for arrays within arrays, and the same limit for structures and dictionary entries within each other.
    package static let maximumNesting = 32

    /// Whether this is a sequence of complete types, possibly empty: the signature of a body.
    package static func isValid(_ signature: String) -> Bool { isValid(signature.utf8) }

    /// Whether this is exactly one complete type: the signature of a value.
    package static func isSingle(_ signature: String) -> Bool { isSingle(signature.utf8) }

    static func isValid(_ signature: some Collection<UInt8>) -> Bool {
        if signature.count > maximumLength { return false }
        var parser = Parser(rest: Array(signature)[...])
        while !parser.rest.isEmpty {
            if !parser.skipType(arrays: 0, structures: 0) { return false }
        }
        return true
    }

    static func isSingle(_ signature: some Collection<UInt8>) -> Bool {
        if signature.count > maximumLength { return false }
        var parser = Parser(rest: Array(signature)[...])
        return parser.skipType(arrays: 0, structures: 0) && parser.rest.isEmpty
    }

    private struct Parser {
        var rest: ArraySlice<UInt8>

        /// Removes one complete type from the front. Returns false if there is none.
        mutating func skipType(arrays: Int, structures: Int) -> Bool {
            guard let letter = rest.popFirst() else { return false }
            switch letter {
            case TypeCode.variant: return true
            case TypeCode.array:
                if arrays == maximumNesting { return false }
                if rest.first == UInt8(ascii: "{") {
                    return skipEntry(arrays: arrays + 1, structures: structures)
                }
                return skipType(arrays: arrays + 1, structures: structures)
            case UInt8(ascii: "("):
                if structures == maximumNesting || rest.first == UInt8(ascii: ")") { return false }
                while rest.first != UInt8(ascii: ")") {
                    if !skipType(arrays: arrays, structures: structures + 1) { return false }
                }
                rest.removeFirst()
                return true
            default: return TypeCode.isBasic(letter)
            }
        }

        private mutating func skipEntry(arrays: Int, structures: Int) -> Bool {
            if structures == maximumNesting { return false }
            rest.removeFirst()
            guard let key = rest.popFirst(), TypeCode.isBasic(key) else { return false }
            return skipType(arrays: arrays, structures: structures + 1)
                && rest.popFirst() == UInt8(ascii: "}")
        }
    }
}
