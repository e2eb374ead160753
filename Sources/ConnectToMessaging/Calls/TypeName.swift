/// What the type of a request or event may be (`dbus/CALLS.md`, section 3).
enum TypeName {
    /// The most bytes of a type on the wire.
    static let limit = 255

    /// Why something cannot be a type, as a sentence; nil where it can.
    static func fault(of type: String) -> String? {
        if type.isEmpty { return "a type must not be empty" }
        if type.utf8.first == UInt8(ascii: "@") {
            return "a type must not begin with @, as \"\(type.prefix(40))\" does: such types belong to the protocol"
        }
        if type.utf8.count > limit {
            return "a type has \(limit) bytes at most, and \"\(type.prefix(40))…\" has \(type.utf8.count)"
        }
        return nil
    }

    /// A type that the program wants to handle. No request or event has any other, so that asking for one is a mistake
    /// in the program, which ends here.
    static func checked(_ type: String) -> String {
        let fault = fault(of: type)
        precondition(fault == nil, fault ?? "")
        return type
    }
}
