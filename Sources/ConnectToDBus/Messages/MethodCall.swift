/// A method call that somebody made to one of our paths.
package struct MethodCall: Sendable {
    /// The unique name of the caller, vouched for by the bus.
    package let sender: String
    package let path: String
    /// Callers may leave it out; then the member alone decides.
    package let interface: String?
    package let member: String
    package var body: [DBusValue]
    /// Whether the caller waits. If not, a reply is not sent.
    package let expectsReply: Bool
    /// The caller's number for the call; with ``sender`` it says which call a reply is for.
    package let serial: UInt32
    /// The link that it came over. Its caller is known there only: on another bus somebody else may have the name.
    var link: UInt64 = 0
}
