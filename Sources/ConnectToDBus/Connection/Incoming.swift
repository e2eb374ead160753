/// What a ``Link`` hands up; replies it settles itself.
enum Incoming {
    case call(MethodCall)
    case signal(Signal)
    /// Told once, after every pending call was settled. Nothing comes after it.
    case disconnected(DBusError)
}
