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
    ///   ``ConnectToError/Code/otherLimits`` where the process has opened the bus already, with other limits.
    ///   Cancelling the task does not shorten the wait, since other tasks may wait for the same connection.
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

    /// A connection of its own, which no other part of the process gets: for tests that play two processes in one.
    package static func separate(
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
