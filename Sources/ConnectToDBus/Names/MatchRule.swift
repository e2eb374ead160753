/// A rule for messages that the bus routes to us in addition to those addressed to us.
///
/// Parts that are left out match everything. The bus checks the rule, and replies MatchRuleInvalid if it is wrong.
package struct MatchRule: Sendable {
    package var sender: String?
    package var path: String?
    package var interface: String?
    package var member: String?
    /// Matches where the first argument is this name, or begins with this name and a dot.
    package var firstArgumentNamespace: String?
    /// The values of string arguments, by their index (0 to 63).
    package var arguments: [Int: String] = [:]

    /// A rule for signals, the only kind of message that ConnectTo subscribes to.
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

    /// A rule for changes of names' owners: of every name, of one name, or of one name and all names below it.
    package static func nameOwnerChanged(
        name: String? = nil, namespace: String? = nil
    ) -> MatchRule {
        MatchRule(
            sender: BusName.bus, path: BusName.busPath, interface: BusName.busInterface,
            member: "NameOwnerChanged", firstArgumentNamespace: namespace,
            arguments: name.map { [0: $0] } ?? [:])
    }

    /// The rule in the form that AddMatch takes. Equal rules have equal texts.
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

    /// Quotes a value. Between apostrophes only the apostrophe is special: it is written outside of them, escaped.
    private static func quote(_ value: String) -> String {
        var quoted: [UInt8] = [UInt8(ascii: "'")]
        for byte in value.utf8 {
            if byte == UInt8(ascii: "'") { quoted += Array("'\\''".utf8) } else { quoted.append(byte) }
        }
        quoted.append(UInt8(ascii: "'"))
        return String(decoding: quoted, as: UTF8.self)
    }
}
