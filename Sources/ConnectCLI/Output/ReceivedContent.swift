import ConnectTo
import ConnectToMessaging

/// What has come from a peer: the payload of a message, or of a call.
protocol ReceivedContent: Sendable {
    /// What the sender calls it; nil where there is no payload, which only a call can have.
    var contentKind: Message.Kind? { get }
    var count: Int { get }
    var bytes: [UInt8] { get }
    var transferred: [Transferable] { get }

    func withUnsafeBytes<Result: ~Copyable, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result
}

extension Message: ReceivedContent {
    var contentKind: Kind? { kind }
}

extension Payload: ReceivedContent {
    var contentKind: Message.Kind? { kind }
}
