/// A D-Bus bus of a test's own: a `dbus-daemon` in a directory of its own, that ends with the test, however it
/// ends: also when the test's process is killed.
///
/// Nobody else is on it and nothing in the environment points to it. What is to use it is told its
/// ``address``: `Bus.at(_:)` of this package, `g_dbus_connection_new_for_address`, a child process started
/// with `DBUS_SESSION_BUS_ADDRESS=…`. So tests run in parallel, and none can touch the user's own session.
///
///     @Test(.privateBus) func answersACaller() async throws {
///         let bus = try await Bus.at(PrivateBus.current.address)
///         …
///     }
///
/// or, where the bus is to end in the middle of a test, ``withPrivateBus(services:_:)``.
///
/// Policy and limits are those of a stock session bus: everybody of this user may own every name and talk to
/// everybody, and eavesdrop; limits are so high that only mistakes reach them. It starts no services
/// unless it is given a directory of them.
///
/// The value may go to any task and thread. It is of use until the scope that made it has ended: after that
/// ``kill()`` does nothing and nothing listens at the address.
public struct PrivateBus: Sendable {
    /// Where to reach it, in D-Bus's notation: `unix:path=…`. Stays the same over a ``restart()``.
    public let address: String

    /// The process of the `dbus-daemon`, a child of this one; another after a ``restart()``.
    public var processID: Int32 { daemon.processID }

    /// A directory that is this bus's own and goes with it: holds the bus's socket, its configuration
    /// (`bus.conf`) and what it said on standard error (`log`). Tests may put files of theirs there.
    public let directory: String

    let daemon: Daemon

    /// The same with the id of the server that listens there: `unix:path=…,guid=…`.
    package var addressWithServerID: String { daemon.printedAddress }

    /// Kills the daemon as `SIGKILL` does, and returns once it is gone, after a millisecond or so.
    ///
    /// For tests of what happens when the bus is lost: from here on its connections are at end of file and its address
    /// refuses, until a ``restart()``. A second call does nothing. May be called anywhere, also on an event loop.
    public func kill() {
        daemon.kill()
    }

    /// Kills the daemon, if it runs, and starts another at the same address; returns when that listens, after some
    /// ten milliseconds.
    ///
    /// For tests of what happens when the bus comes back: who was connected is not, and nobody owns a name. To have
    /// it away for longer, ``kill()`` it first. One task at a time may do this. Once the scope of the bus has ended
    /// it does nothing.
    /// - Throws: ``PrivateBusError`` if it does not start again.
    public func restart() async throws {
        try await daemon.restart()
    }
}
