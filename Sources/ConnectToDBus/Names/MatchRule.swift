/// Which messages the bus is to route to us beyond those addressed to us.
///
/// Parts left out match anything. The rule is checked by the bus, which answers MatchRuleInvalid.
package struct MatchRule: Sendable {
    package var sender: String?
    package var path: String?
    package var interface: String?
    package var member: String?
    /// Compares the first argument as a name: itself, or anything after it and a dot.
    package var firstArgumentNamespace: String?
    /// Compares arguments 0 to 63, which must be strings.
    package var arguments: [Int: String] = [:]

    /// A rule for signals, the only kind of message that anybody here subscribes to.
    package init(
        sender: String? = nil, path: String? = nil, interface: String? = nil,
        member: String? = nil, firstArgumentNamespace: String? = nil, arguments: [Int: String] = [:]
    ) {
        self.sender = sender
        self.path = path
        self.interface = interface
        self.member = member
        self.firstArgumentNamespace = firstArgumentNamespace
        self.arguments = arguments
    }

    /// The owners of names coming and going; all of them, or those of one name, or of a name and all below it.
    package static func nameOwnerChanged(
        name: String? = nil, namespace: String? = nil
    ) -> MatchRule {
        MatchRule(
            sender: BusName.bus, path: BusName.busPath, interface: BusName.busInterface,
            member: "NameOwnerChanged", firstArgumentNamespace: namespace,
            arguments: name.map { [0: $0] } ?? [:])
    }

    /// As AddMatch takes it. Equal rules have equal text.
    package var text: String {
        var parts = ["type='signal'"]
        func add(_ key: String, _ value: String?) {
            if let value { parts.append("\(key)=\(Self.quote(value))") }
        }
        add("sender", sender)
        add("path", path)
        add("interface", interface)
        add("member", member)
        add("arg0namespace", firstArgumentNamespace)
        for (index, value) in arguments.sorted(by: { $0.key < $1.key }) { add("arg\(index)", value) }
        return parts.joined(separator: ",")
    }

    /// Nothing is special between apostrophes but the apostrophe itself; it is written outside of them, escaped.
    private static func quote(_ value: String) -> String {
        var quoted: [UInt8] = [UInt8(ascii: "'")]
        for byte in value.utf8 {
            if byte == UInt8(ascii: "'") { quoted += Array("'\\''".utf8) } else { quoted.append(byte) }
        }
        quoted.append(UInt8(ascii: "'"))
        return String(decoding: quoted, as: UTF8.self)
    }
}
