public import ConnectTo

extension OutgoingMessage {
    /// What was received, to be sent on: the same kind, the same bytes, and all things that were transferred with it;
    /// nil where nothing was.
    ///
    /// The bytes are copied. Bytes that were declared as text or JSON and are not UTF-8 go on with U+FFFD in their
    /// place. The transferred things go on to the next receiver, and are gone here then, so such a message can be sent
    /// only once. To send on the payload without them, empty `transfer`.
    public static func forwarding(_ payload: Payload) -> OutgoingMessage? {
        switch payload.kind {
        case nil: nil
        case .text:
            .text(payload.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }, transfer: payload.transferred)
        case .json:
            .json(payload.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }, transfer: payload.transferred)
        default: .bytes(payload.bytes, transfer: payload.transferred)
        }
    }
}
