/// What a ``Link`` passes to its receiver. Replies are not among it: the link completes the pending calls itself.
enum Incoming {
    case call(MethodCall)
    case signal(Signal)
    /// Comes once, last of all, after every pending call has been completed.
    case disconnected(DBusError)
}
