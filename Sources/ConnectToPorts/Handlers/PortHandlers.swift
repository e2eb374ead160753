/// What the program wants to be called with, beside the sequence. Guarded by its line's lock, and let go outside
/// of it: a handler may own the last reference to anything.
struct PortHandlers: Sendable {
    typealias MessageHandler = @Sendable (Message) -> Void
    typealias CloseHandler = @Sendable (CloseReason) -> Void

    var message: MessageHandler?
    var messageError: MessageHandler?
    var close: CloseHandler?
    /// The port itself, which lives as long as its message handler may be called.
    var keptPort: MessagePort?

    var receivers: Receivers { Receivers(message: message, messageError: messageError) }

    /// Those of them that messages go to: what is kept for a call is no more than this.
    struct Receivers: Sendable {
        let message: MessageHandler?
        let messageError: MessageHandler?

        /// An undecodable message that nobody wants to know of is dropped.
        func call(with message: Message) {
            if message.isDecodable { self.message?(message) } else { messageError?(message) }
        }
    }
}
