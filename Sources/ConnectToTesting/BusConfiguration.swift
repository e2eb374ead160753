package import SystemPackage

/// The configuration of a private bus: the limits of the stock session bus, and its policy or that of the stock
/// system bus. Nothing comes from the machine's own configuration, so that a test behaves the same everywhere.
package struct BusConfiguration: Sendable {
    /// A directory of `.service` files.
    var services: String?
    /// The stock bus whose policy applies.
    var policy = Policy.session
    /// Further rules, in the notation of bus configurations; they come after those of the policy.
    var rules = ""
    /// Limits that replace those below, by name.
    var limits: [String: Int] = [:]
    /// How clients reach the bus.
    var transport = Transport.unix

    package enum Policy: Sendable {
        /// Everything is allowed.
        case session
        /// A system bus's policy: no program may own a name, or call any program but the bus, unless these files
        /// allow it.
        case system(files: [FilePath])
    }

    package enum Transport: Sendable {
        /// A socket in the bus's directory.
        case unix
        /// A port of 127.0.0.1, open to all users of this machine; the bus says which port
        /// (``PrivateBus/addressWithServerID``). It cannot pass descriptors.
        case tcp
    }

    package init(
        services: String? = nil, policy: Policy = .session, rules: String = "",
        limits: [String: Int] = [:], transport: Transport = .unix
    ) {
        self.services = services
        self.policy = policy
        self.rules = rules
        self.limits = limits
        self.transport = transport
    }

    func write(to path: FilePath, socket: FilePath) throws {
        let file = try FileDescriptor.open(
            path, .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec],
            permissions: .ownerReadWrite)
        try file.closeAfter { _ = try file.writeAll(text(socket: socket.string).utf8) }
    }

    /// The limits of the stock session bus.
    private static let stockLimits = [
        "max_incoming_bytes": 1_000_000_000,
        "max_incoming_unix_fds": 250_000_000,
        "max_outgoing_bytes": 1_000_000_000,
        "max_outgoing_unix_fds": 250_000_000,
        "max_message_size": 1_000_000_000,
        "service_start_timeout": 120_000,
        "auth_timeout": 240_000,
        "pending_fd_timeout": 150_000,
        "max_completed_connections": 100_000,
        "max_incomplete_connections": 10_000,
        "max_connections_per_user": 100_000,
        "max_pending_service_starts": 10_000,
        "max_names_per_connection": 50_000,
        "max_match_rules_per_connection": 50_000,
        "max_replies_per_connection": 50_000,
    ]

    private func text(socket: String) -> String {
        let limits = Self.stockLimits.merging(limits) { $1 }.sorted { $0.key < $1.key }
            .map { "  <limit name=\"\($0.key)\">\($0.value)</limit>" }
        return """
            <!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
             "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
            <busconfig>
              <type>session</type>
              <keep_umask/>
              \(listening(at: socket))
              \(services.map { "<servicedir>\(Self.escaped($0))</servicedir>" } ?? "")
              <policy context="default">
                \(policyRules)
                \(rules)
              </policy>
              \(included.map { "<include>\(Self.escaped($0.string))</include>" }.joined())
              \(limits.joined(separator: "\n"))
            </busconfig>

            """
    }

    private func listening(at socket: String) -> String {
        switch transport {
        case .unix: "<listen>unix:path=\(socket)</listen><auth>EXTERNAL</auth>"
        case .tcp: "<listen>tcp:host=127.0.0.1</listen><auth>ANONYMOUS</auth><allow_anonymous/>"
        }
    }

    private var included: [FilePath] {
        if case .system(let files) = policy { files } else { [] }
    }

    private var policyRules: String {
        switch policy {
        case .session:
            """
            <allow send_destination="*" eavesdrop="true"/>
            <allow eavesdrop="true"/>
            <allow own="*"/>
            """
        case .system:
            """
            <allow user="*"/>
            <deny own="*"/>
            <deny send_type="method_call"/>
            <allow send_type="signal"/>
            <allow send_requested_reply="true" send_type="method_return"/>
            <allow send_requested_reply="true" send_type="error"/>
            <allow receive_type="method_call"/>
            <allow receive_type="method_return"/>
            <allow receive_type="error"/>
            <allow receive_type="signal"/>
            <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus"/>
            """
        }
    }

    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for character in text.unicodeScalars {
            switch character {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            default: escaped.unicodeScalars.append(character)
            }
        }
        return escaped
    }
}
