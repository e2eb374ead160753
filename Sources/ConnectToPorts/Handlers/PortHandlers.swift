/// The handlers that the program has set on a port. Guarded by its line's lock, and released outside of the lock: a
/// handler may own the last reference to anything.
struct PortHandlers: Sendable {
    typealias MessageHandler = @Sendable (Message) -> Void
    typealias FinishHandler = @Sendable () -> Void
    typealias CloseHandler = @Sendable (CloseReason) -> Void

    var message: MessageHandler?
    var messageError: MessageHandler?
    var finish: FinishHandler?
    var close: CloseHandler?
    /// The port itself, kept alive as long as its message handler may be called.
    var keptPort: MessagePort?

    var receivers: Receivers { Receivers(message: message, messageError: messageError) }

    /// The handlers that messages go to: a pending call keeps only these.
    struct Receivers: Sendable {
        let message: MessageHandler?
        let messageError: MessageHandler?

        /// An undecodable message is dropped where there is no handler for it.
        func call(with message: Message) {
            if message.isDecodable { self.message?(message) } else { messageError?(message) }
        }
    }
}
