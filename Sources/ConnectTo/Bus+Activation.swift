import DBus

/// Starting what is not running is the bus's own affair: service files tell it how, and a call for a name that
/// nobody has makes it do so.
extension Bus {
    /// Has the bus read its configuration and its service files again.
    /// - Throws: ``ConnectToError``: ``ConnectToError/Code/denied``, ``ConnectToError/Code/busLost``,
    ///   ``ConnectToError/Code/timedOut`` after five seconds.
    package func reloadServices() async throws(ConnectToError) {
        _ = try await ask("ReloadConfig", "having the bus read its services again")
    }

    /// Whether the bus knows how to start a context, be it running or not.
    /// - Throws: ``ConnectToError``, as ``reloadServices()``.
    package func canStart(_ context: ContextName) async throws(ConnectToError) -> Bool {
        let reply = try await ask("ListActivatableNames", "asking what the bus can start")
        guard case .array("s", let names)? = reply.body.first else { return false }
        return names.contains(.string(context.busName))
    }
}
