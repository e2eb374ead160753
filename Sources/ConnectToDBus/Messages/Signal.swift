/// A received signal.
///
/// Any program on the bus may send any signal to a unique name: check ``sender`` before relying on a signal. The bus's
/// own signals have the sender ``BusName/bus``.
package struct Signal: Sendable {
    /// The unique name of the emitter, vouched for by the bus.
    package let sender: String
    package let path: String
    package let interface: String
    package let member: String
    package let body: [DBusValue]
}
