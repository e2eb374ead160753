/// Handlers, for those who like them better than ``MessagePort/messages``.
///
/// All of them are called on the port's ``EventLoop``, in the order in which things happened, one at a time for
/// each port, and never before the call that sets them has returned to the loop. A handler must not block: every
/// port of the loop waits for it. After 1,000 calls in a row others have their turn, timers too; what waits meanwhile
/// is bounded as it is for ``MessagePort/messages``, and a slow handler costs nobody else but its peer.
///
/// A handler may own the port. It is let go when it cannot be called any more: at the port's end, or when the
/// port is transferred.
extension MessagePort {
    /// Calls a handler with each message, and starts the port. Nil takes the handler away; the port stays started.
    ///
    /// Each message goes to one taker: a loop over ``messages`` throws ``PortError/Code/alreadyTaken`` as long as there
    /// is a handler. A handler that is replaced from another
    /// thread may just be running, for the last time.
    ///
    /// A port with a message handler stays alive while messages can still come, even if the program holds no
    /// reference to it any more, as the HTML standard has it: so one can be received, given a handler and
    /// forgotten. It is the peer's end, ``close()`` or nil that releases it. Two ports of one channel that both have
    /// handlers keep each other alive.
    ///
    /// A message that was sent as text or JSON and is not UTF-8 goes to ``onMessageError(_:)`` instead; set that first,
    /// since messages are delivered from here on.
    public func onMessage(_ handler: (@Sendable (Message) -> Void)?) {
        line.setHandlers {
            $0.message = handler
            $0.keptPort = handler == nil ? nil : self
        }
        if handler != nil { start() }
    }

    /// Calls a handler, instead of that of ``onMessage(_:)``, with each message that cannot be decoded; the port
    /// lives on. Without a handler such a message is dropped.
    ///
    /// That is a message which was sent as text or JSON and is not UTF-8: its ``Message/text`` is nil, its
    /// ``Message/bytes`` and what was transferred with it are there. Whether JSON is well-formed shows only when it
    /// is decoded: ``Message/decode(_:)`` throws then. In ``messages`` nothing is left out: there it is
    /// ``Message/text`` that tells.
    public func onMessageError(_ handler: (@Sendable (Message) -> Void)?) {
        line.setHandlers { $0.messageError = handler }
    }

    /// Calls a handler once, when the port is over and it was not this side that closed it or gave it away.
    ///
    /// All messages have been taken then; so on a port that was never started and has messages waiting it
    /// is not called before those are. Set late, it still hears of the end. It does not keep the port alive: a port that
    /// is forgotten closes itself, and hears of nothing. But where the end is all that can still come, because it is
    /// here or because both sides have finished and taken all, the handler is called although the port is forgotten.
    public func onClose(_ handler: (@Sendable (CloseReason) -> Void)?) {
        line.setHandlers { $0.close = handler }
    }
}
