import CConnectToDBus

/// The version of the libdbus that this process has loaded, such as `1.14.10`.
package func libraryVersion() -> String {
    var (major, minor, micro): (Int32, Int32, Int32) = (0, 0, 0)
    dbus_get_version(&major, &minor, &micro)
    return "\(major).\(minor).\(micro)"
}
