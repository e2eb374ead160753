/// Handlers, for programs that prefer them to ``MessagePort/messages``.
///
/// All handlers are called on the port's ``EventLoop``, in the order of the events, one at a time for each port, and
/// never before the call that sets them has returned to the loop. A handler must not block: every port of the loop
/// waits for it. After 1,000 calls in a row other ports and the timers have their turn. The messages that wait
/// meanwhile are bounded as for ``MessagePort/messages``, and a slow handler stalls only its own peer.
///
/// A handler may own the port. It is released when it cannot be called any more: at the port's end, or when the port is
/// transferred.
extension MessagePort {
    /// Calls a handler with each message, and starts the port. Nil removes the handler; the port stays started.
    ///
    /// Each message goes to one taker: a loop over ``messages`` throws ``PortError/Code/alreadyTaken`` as long as there
    /// is a handler. A handler that is replaced from another thread may be running at that moment, for the last time.
    ///
    /// A port with a message handler stays alive while messages can still come, even if the program holds no reference
    /// to it any more, as the HTML standard has it. So a program can receive a port, give it a handler and drop it. The
    /// peer's end, ``close()`` or a nil handler releases the port. Two ports of one channel that both have handlers
    /// keep each other alive.
    ///
    /// A message that was sent as text or JSON and is not UTF-8 goes to the handler of ``onMessageError(_:)`` instead.
    /// Set that handler first, since messages are delivered as soon as this one is set.
    public func onMessage(_ handler: (@Sendable (Message) -> Void)?) {
        line.setHandlers {
            $0.message = handler
            $0.keptPort = handler == nil ? nil : self
        }
        if handler != nil { start() }
    }

    /// Calls a handler, instead of the one of ``onMessage(_:)``, with each message that cannot be decoded; the port
    /// lives on. Without a handler such a message is dropped.
    ///
    /// A message cannot be decoded if it was sent as text or JSON and is not UTF-8: its ``Message/text`` is nil, but
    /// its ``Message/bytes`` and the things transferred with it are available. Whether JSON is well-formed shows only
    /// when it is decoded: ``Message/decode(_:)`` throws then. The sequence ``messages`` omits no message: there, check
    /// ``Message/text``.
    public func onMessageError(_ handler: (@Sendable (Message) -> Void)?) {
        line.setHandlers { $0.messageError = handler }
    }

    /// Calls a handler once, when the peer has called ``finish()`` and all of its messages have been taken; not where the
    /// port is over by then, which the handler of ``onClose(_:)`` is told. This side can still post. A handler that is set
    /// after the peer's finish is still called. It does not keep the port alive.
    public func onFinish(_ handler: (@Sendable () -> Void)?) {
        line.setHandlers { $0.finish = handler }
    }

    /// Calls a handler once, when the port is over and this side has neither closed it nor given it away.
    ///
    /// The handler is called after all messages have been taken. So a port that was never started and has messages
    /// waiting does not call it before they are taken. A handler that is set after the end is still called. The handler
    /// does not keep the port alive: a port that the program drops closes itself and calls no handler. But where only
    /// the end can still come, because it has come or because both sides have finished and taken everything, the
    /// handler is called although the program has dropped the port.
    public func onClose(_ handler: (@Sendable (CloseReason) -> Void)?) {
        line.setHandlers { $0.close = handler }
    }
}
