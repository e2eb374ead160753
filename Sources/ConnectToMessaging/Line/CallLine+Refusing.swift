import ConnectTo

/// How a side tells the other that it does not keep the line, and why (`dbus/CALLS.md`, section 10).
extension CallLine {
    /// The event's type.
    static let refusal = "@refused"
    private static let longestReason = 1_024

    /// Refuses a line for which there is no messenger, and closes it.
    static func refuse(_ port: MessagePort, because reason: String) {
        // A port that is over needs no reason.
        _ = try? port.postMessage(Envelope.Operation.hello(.least).head.message())
        _ = try? port.postMessage(Head(.event, name: refusal).message(.text(reason)))
        port.close()
    }

    /// Tells the other side why the line is about to be closed, if it still takes events.
    func refuse(because reason: String) {
        _ = try? post(Head(.event, name: Self.refusal), .text(reason))
    }

    /// The other side has refused the line.
    func beRefused(_ payload: Payload) {
        let reason = payload.withUnsafeBytes { String(decoding: $0.prefix(Self.longestReason), as: UTF8.self) }
        end(CloseReason(.refused, detail: reason.isEmpty ? "the other program refused the line" : reason))
        port.close()
    }
}
