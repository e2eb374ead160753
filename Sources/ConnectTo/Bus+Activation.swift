import ConnectToDBus

// The bus starts programs that are not running: service files tell it how, and a call for a name without an owner makes
// it do so.
extension Bus {
    /// Has the bus read its configuration again, and with it its service files: the files that say how to start the
    /// programs whose names have no owner. For a program that has just written or removed one: a bus does not watch a
    /// directory that did not exist when it started.
    ///
    /// The user of a session bus may do this; a system bus allows it to root alone.
    /// - Throws: ``ConnectToError``: ``ConnectToError/Code/denied``; ``ConnectToError/Code/busLost`` where the bus is away
    ///   or lost; ``ConnectToError/Code/timedOut`` where it does not answer within five seconds.
    public func reloadConfiguration() async throws(ConnectToError) {
        _ = try await ask("ReloadConfig", "having the bus read its service files again")
    }

    /// Whether the bus can start the program of a context, running or not. Starts nothing.
    ///
    /// It can where it knows a service file for the name, and has a program that carries it out: dbus-daemon itself, or
    /// systemd for dbus-broker. Whether the program then runs, and registers the name, only a call shows
    /// (``connectTo(_:origin:options:)``, ``CloseReason/Code/startFailed``).
    /// - Throws: ``ConnectToError``: ``ConnectToError/Code/invalidName``, and as ``reloadConfiguration()``.
    public func canStart(
        _ name: String, origin: String = ContextName.defaultOrigin
    ) async throws(ConnectToError) -> Bool {
        let context = try ContextName(name, origin: origin)
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
