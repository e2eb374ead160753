/// The names of the bus itself.
package enum BusName {
    package static let bus = "org.freedesktop.DBus"
    package static let busPath = "/org/freedesktop/DBus"
    package static let busInterface = "org.freedesktop.DBus"
    /// libdbus uses this interface and path for messages to itself. A bus disconnects a client that sends one.
    static let localInterface = "org.freedesktop.DBus.Local"
    static let localPath = "/org/freedesktop/DBus/Local"
}
