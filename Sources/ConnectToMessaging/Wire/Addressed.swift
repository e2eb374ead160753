/// A type on the wire with the peer of a hub that it is for or from: `@id/type` (`dbus/CALLS.md`, section 10).
struct Addressed: Equatable, Sendable {
    /// To a hub: whom it is for. From a hub: who has sent it. Nil where it is between the two sides of the line alone.
    var address: String?
    var type: String

    /// The form on the wire.
    var name: String {
        guard let address else { return type }
        return "@\(address)/\(type)"
    }

    init(_ type: String, address: String?) {
        self.type = type
        self.address = address
    }

    /// Reads the form on the wire. A name that begins with `@` and has no `/` is a type of the protocol itself.
    init(_ name: String) {
        if name.utf8.first == UInt8(ascii: "@"), let slash = name.utf8.firstIndex(of: UInt8(ascii: "/")) {
            address = String(name[name.index(after: name.startIndex)..<slash])
            type = String(name[name.utf8.index(after: slash)...])
        } else {
            type = name
        }
    }
}
