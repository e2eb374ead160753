/// A signal to be emitted.
package struct OutgoingSignal: Sendable {
    package var path: String
    package var interface: String
    package var member: String
    package var body: [DBusValue]
    /// The bus name of the only receiver; to all who subscribed if `nil`.
    package var destination: String?

    package init(
        path: String, interface: String, member: String, body: [DBusValue] = [], destination: String? = nil
    ) {
        self.path = path
        self.interface = interface
        self.member = member
        self.body = body
        self.destination = destination
    }
}
