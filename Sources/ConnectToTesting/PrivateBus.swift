/// A D-Bus bus for one test: a `dbus-daemon` in a directory of its own, which ends with the test, however that ends,
/// also when the test's process is killed.
///
/// No other program is on the bus, and nothing in the environment points to it. Pass its ``address`` to the code that
/// is to use it: `Bus.at(_:)` of this package, `g_dbus_connection_new_for_address`, a child process started with
/// `DBUS_SESSION_BUS_ADDRESS=…`. So tests run in parallel, and none can touch the user's own session.
///
///     @Test(.privateBus) func answersACaller() async throws {
///         let bus = try await Bus.at(PrivateBus.current.address)
///         …
///     }
///
/// or, where the bus is to end in the middle of a test, ``withPrivateBus(services:_:)``.
///
/// Policy and limits are those of a stock session bus: every program of this user may own any name, talk to every
/// other program, and eavesdrop; the limits are so high that only mistakes reach them. The bus starts no services
/// unless it gets a directory of them.
///
/// The value may be passed to any task and thread. It can be used until the scope that made it has ended: after that
/// ``kill()`` does nothing and nothing listens at the address.
public struct PrivateBus: Sendable {
    /// The bus's address, in D-Bus's notation: `unix:path=…`. Stays the same over a ``restart()``.
    public let address: String

    /// The process id of the `dbus-daemon`, a child of this process; a ``restart()`` changes it.
    public var processID: Int32 { daemon.processID }

    /// A directory of this bus alone, which is removed with it. It holds the bus's socket, its configuration
    /// (`bus.conf`) and its standard error (`log`). Tests may put files of their own there.
    public let directory: String

    let daemon: Daemon

    /// The address with the id of the server that listens there: `unix:path=…,guid=…`.
    package var addressWithServerID: String { daemon.printedAddress }

    /// Kills the daemon as `SIGKILL` does, and returns once it is gone, after a millisecond or so.
    ///
    /// For tests of what happens when the bus is lost: from here on its connections are at end of file and its
    /// address refuses connections, until a ``restart()``. A second call does nothing. May be called anywhere, also
    /// on an event loop.
    public func kill() {
        daemon.kill()
    }

    /// Kills the daemon, if it runs, and starts another at the same address. Returns when that one listens, after
    /// some ten milliseconds.
    ///
    /// For tests of what happens when the bus comes back: all connections have ended, and no name has an owner. To
    /// have the bus away for longer, ``kill()`` it first. One task at a time may call this. Once the scope of the bus
    /// has ended, it does nothing.
    /// - Throws: ``PrivateBusError`` if it does not start again.
    public func restart() async throws {
        try await daemon.restart()
    }
}
