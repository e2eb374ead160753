import ConnectToDBus

/// Starting what is not running is the bus's own affair: service files tell it how, and a call for a name that
/// nobody has makes it do so.
extension Bus {
    /// Has the bus read its configuration and its service files again.
    /// - Throws: ``ConnectToError``: ``ConnectToError/Code/denied``, ``ConnectToError/Code/busLost``,
    ///   ``ConnectToError/Code/timedOut`` after five seconds.
    package func reloadServices() async throws(ConnectToError) {
        _ = try await ask("ReloadConfig", "having the bus read its services again")
    }

    /// Whether the bus can start a context, be it running or not: it knows a service file, and who carries that out.
    /// - Throws: ``ConnectToError``, as ``reloadServices()``.
    package func canStart(_ context: ContextName) async throws(ConnectToError) -> Bool {
        let reply = try await ask("ListActivatableNames", "asking what the bus can start")
        guard case .array("s", let names)? = reply.body.first else { return false }
        return names.contains(.string(context.busName)) ? await hasStarter : false
    }

    /// dbus-broker leaves starting to systemd: where that is not on the bus, it still lists what nobody will start.
    private var hasStarter: Bool {
        get async {
            let bus = try? await identities.peer(BusName.bus)
            guard bus?.processName?.hasPrefix("dbus-broker") == true else { return true }
            let systemd = try? await identities.owner(of: "org.freedesktop.systemd1")
            return systemd != nil
        }
    }
}
