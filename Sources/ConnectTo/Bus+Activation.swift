import ConnectToDBus

/// The bus starts programs that are not running: service files tell it how, and a call for a name without an owner
/// makes it do so.
extension Bus {
    /// Has the bus read its configuration and its service files again.
    /// - Throws: ``ConnectToError``: ``ConnectToError/Code/denied``, ``ConnectToError/Code/busLost``,
    ///   ``ConnectToError/Code/timedOut`` after five seconds.
    package func reloadServices() async throws(ConnectToError) {
        _ = try await ask("ReloadConfig", "having the bus read its service files again")
    }

    /// Whether the bus can start a context, running or not: the bus knows a service file for it, and has a program
    /// that carries it out.
    /// - Throws: ``ConnectToError``, as ``reloadServices()``.
    package func canStart(_ context: ContextName) async throws(ConnectToError) -> Bool {
        let reply = try await ask("ListActivatableNames", "asking which names the bus can start")
        guard case .array("s", let names)? = reply.body.first else { return false }
        return names.contains(.string(context.busName)) ? await hasStarter : false
    }

    /// dbus-broker leaves starting to systemd. Where systemd is not on the bus, dbus-broker still lists services that
    /// no program will start.
    private var hasStarter: Bool {
        get async {
            let bus = try? await identities.peer(BusName.bus)
            guard bus?.processName?.hasPrefix("dbus-broker") == true else { return true }
            let systemd = try? await identities.owner(of: "org.freedesktop.systemd1")
            return systemd != nil
        }
    }
}
