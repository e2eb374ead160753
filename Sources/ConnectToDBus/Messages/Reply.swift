/// What a method returned.
package struct Reply: Sendable {
    /// The unique name of the connection that replied, or the bus's own name.
    package let sender: String?
    package let body: [DBusValue]
}
