/// A signal that was received.
///
/// Anybody may send anything to a unique name: check ``sender`` before believing a signal. For what the bus
/// says, that is ``BusName/bus``.
package struct Signal: Sendable {
    /// The unique name of the emitter, vouched for by the bus.
    package let sender: String
    package let path: String
    package let interface: String
    package let member: String
    package let body: [DBusValue]
}
