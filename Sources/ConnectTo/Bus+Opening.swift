import ConnectToDBus
public import ConnectToPorts

// Finding a bus, and the process's connection to it.
extension Bus {
    /// The bus of the user's session: `DBUS_SESSION_BUS_ADDRESS`, else `$XDG_RUNTIME_DIR/bus`. Never starts a bus.
    ///
    /// - Parameters:
    ///   - limits: the limits of the bus; if nil those that it has, or the defaults where this process has not opened
    ///     it yet.
    ///   - loop: where the connection and its ports live; the process's own loop if nil.
    /// - Throws: ``ConnectToError``: ``ConnectToError/Code/busUnreachable`` where no bus answers within five seconds;
    ///   ``ConnectToError/Code/userRefused`` where the bus refuses this process's user;
    ///   ``ConnectToError/Code/cancelled`` where the task is cancelled before, at once, while the attempt goes on for
    ///   other tasks that wait for the same connection; ``ConnectToError/Code/otherLimits`` where the process has opened
    ///   the bus already, with other limits.
    public static func session(
        limits: BusLimits? = nil, on loop: EventLoop? = nil
    ) async throws(ConnectToError) -> Bus {
        let address = try address { () throws(DBusError) in try BusAddress.session() }
        return try await at(address, limits: limits, on: loop)
    }

    /// The machine's bus: `DBUS_SYSTEM_BUS_ADDRESS`, else the well-known socket. As ``session(limits:on:)``.
    public static func system(
        limits: BusLimits? = nil, on loop: EventLoop? = nil
    ) async throws(ConnectToError) -> Bus {
        let address = try address { () throws(DBusError) in try BusAddress.system() }
        return try await at(address, limits: limits, on: loop)
    }

    /// The bus at an address, such as `unix:path=/run/user/1000/bus`. As ``session(limits:on:)``.
    public static func at(
        _ address: String, limits: BusLimits? = nil, on loop: EventLoop? = nil
    ) async throws(ConnectToError) -> Bus {
        try await BusPool.shared.bus(at: address, limits: limits, on: resolve(loop))
    }

    /// Opens a connection to the bus that no other part of the process shares, with a unique name of its own. All other
    /// calls that open a bus share one connection a process.
    ///
    /// For a test that plays two programs in one process, and for a tool that tries the whole way to a context of its
    /// own, as `connect doctor` does. What is counted for each process (``CallerLimits``) is counted for both
    /// connections together.
    /// - Parameters:
    ///   - address: where the bus listens, in D-Bus's notation; ``Bus/address`` of a bus that is open.
    ///   - limits: the limits of this connection's contexts and ports.
    ///   - loop: where the connection and its ports live; the process's own loop if nil.
    /// - Throws: ``ConnectToError``, as ``session(limits:on:)`` does, but never ``ConnectToError/Code/otherLimits``.
    public static func makeSeparate(
        at address: String, limits: BusLimits = BusLimits(), on loop: EventLoop? = nil
    ) async throws(ConnectToError) -> Bus {
        try await open(address, limits: limits, on: resolve(loop))
    }

    private static func resolve(_ loop: EventLoop?) throws(ConnectToError) -> EventLoop {
        if let loop { return loop }
        do throws(PortError) {
            return try .shared
        } catch {
            throw ConnectToError(error)
        }
    }

    private static func address(_ find: () throws(DBusError) -> String) throws(ConnectToError) -> String {
        do throws(DBusError) {
            return try find()
        } catch {
            throw ConnectToError(.busUnreachable, error.message, cause: error)
        }
    }
}
