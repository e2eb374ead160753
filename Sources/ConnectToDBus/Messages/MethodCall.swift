/// A method call that another connection made to one of our paths.
package struct MethodCall: Sendable {
    /// The unique name of the caller, vouched for by the bus.
    package let sender: String
    package let path: String
    /// Nil where the caller left it out; then the member alone selects the method.
    package let interface: String?
    package let member: String
    package var body: [DBusValue]
    /// Whether the caller waits for a reply. If not, none is sent.
    package let expectsReply: Bool
    /// The caller's serial number for the call. Together with ``sender`` it identifies the call that a reply is for.
    package let serial: UInt32
    /// The number of the link that the call came over. The sender's name is valid there only: on another connection to
    /// a bus, the same name may belong to another program.
    var link: UInt64 = 0
}
