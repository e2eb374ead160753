/// What the bus itself is called.
package enum BusName {
    package static let bus = "org.freedesktop.DBus"
    package static let busPath = "/org/freedesktop/DBus"
    package static let busInterface = "org.freedesktop.DBus"
    /// libdbus speaks to itself under this interface and path; a bus cuts off whoever sends it a message so marked.
    static let localInterface = "org.freedesktop.DBus.Local"
    static let localPath = "/org/freedesktop/DBus/Local"
}
