import ConnectToDBus
public import ConnectToPorts

// Finding a bus, and the process's connection to it.
extension Bus {
    /// The bus of the user's session: `DBUS_SESSION_BUS_ADDRESS`, else `$XDG_RUNTIME_DIR/bus`. Never starts one.
    ///
    /// - Parameters:
    ///   - limits: what is to hold on it; if nil what holds already, or the defaults where nobody has it open.
    ///   - loop: where the connection and its ports live; the process's own loop if nil.
    /// - Throws: ``ConnectToError`` with ``ConnectToError/Code/busUnreachable``, after five seconds at the most;
    ///   no sooner where the task is cancelled, since others may wait for the same connection. With
    ///   ``ConnectToError/Code/otherLimits`` where the process has it open already, and with others.
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

    /// A connection of its own, which nobody else gets: for tests that play two processes in one.
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
