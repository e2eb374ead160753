/// A method call to be sent.
package struct OutgoingCall: Sendable {
    /// A well-known or unique bus name.
    package var destination: String
    package var path: String
    package var interface: String
    package var member: String
    package var body: [DBusValue]
    /// Whether the bus must not start the service whose name the call is addressed to.
    package var noAutoStart: Bool

    package init(
        destination: String, path: String, interface: String, member: String, body: [DBusValue] = [],
        noAutoStart: Bool = false
    ) {
        self.destination = destination
        self.path = path
        self.interface = interface
        self.member = member
        self.body = body
        self.noAutoStart = noAutoStart
    }

    /// What error messages call a call.
    static func title(member: String, destination: String) -> String { "the D-Bus call \(member) to \(destination)" }

    /// A call to the bus itself.
    package static func toBus(_ member: String, _ body: [DBusValue] = []) -> OutgoingCall {
        OutgoingCall(
            destination: BusName.bus, path: BusName.busPath, interface: BusName.busInterface,
            member: member, body: body)
    }
}
