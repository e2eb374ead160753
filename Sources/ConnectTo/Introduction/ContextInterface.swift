/// The names in the contract `dbus/org.connectto.Context1.xml`.
enum ContextInterface {
    static let name = "org.connectto.Context1"
    static let connect = "Connect"
    static let status = "Status"
    static let tap = "Tap"
    static let errorPrefix = "org.connectto.Error."
    static let refused = errorPrefix + "Refused"
    static let busy = errorPrefix + "Busy"

    static let properties = "org.freedesktop.DBus.Properties"
    static let introspectable = "org.freedesktop.DBus.Introspectable"
}
