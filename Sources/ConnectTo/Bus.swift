import ConnectToDBus
import ConnectToLinux
import ConnectToPorts
import Logging

/// A connection to a message bus, on which names are registered and found. The bus introduces programs; it carries no
/// messages.
///
/// A process has one connection to a bus, however often it asks for the bus and however many contexts and ports it
/// has. All of it may be used from any thread. When the bus goes away, open ports go on, and when it comes back,
/// contexts are registered again; ``status`` says what state the connection is in.
public final class Bus: Sendable {
    /// Where the bus listens, in D-Bus's notation.
    public let address: String
    /// The limits for all parts of the process that share the bus.
    public let limits: BusLimits

    let loop: EventLoop
    let connection: BusConnection
    let identities: Identities
    let watch: OwnerWatch
    let registry: Registry
    let board = StatusBoard(Status.connected, last: .lost)
    let loss = Latch<ConnectToError>()

    // MARK: The connection

    static func open(
        _ address: String, limits: BusLimits, on loop: EventLoop,
        deadline: Duration = BusConnection.busDeadline
    ) async throws(ConnectToError) -> Bus {
        let connection: BusConnection
        do throws(DBusError) {
            connection = try await BusConnection.open(
                address: address, on: loop.reactor, deadline: deadline)
        } catch {
            throw ConnectToError(opening: error)
        }
        let bus = Bus(connection, address: address, limits: limits, on: loop)
        await bus.registry.start()
        await connection.onDisconnect { [weak bus] in bus?.didDisconnect($0) }
        return bus
    }

    private init(_ connection: BusConnection, address: String, limits: BusLimits, on loop: EventLoop) {
        self.address = address
        self.limits = limits
        self.loop = loop
        self.connection = connection
        identities = Identities(connection)
        watch = OwnerWatch(connection)
        registry = Registry(
            connection, on: loop, limits: limits, identities: identities,
            log: Logger(label: "org.connectto.registry"))
    }

    deinit {
        let connection = connection
        Task(executorPreference: connection.reactor.tasks) { await connection.close() }
    }

    // MARK: The connection's end

    /// Waits until the connection to the bus is over for good, and returns why. In a cancelled task it returns
    /// ``ConnectToError/Code/cancelled`` at once. To connect anew, ask for the bus again.
    public func waitUntilLost() async -> ConnectToError {
        await loss.wait()
            ?? ConnectToError(.cancelled, "waiting for the end of the connection to the bus was cancelled")
    }

    /// Whether the connection is over for good.
    var isLost: Bool { status == .lost }

    /// Ends the connection: contexts end, introductions under way fail, open ports go on.
    ///
    /// This ends it for all parts of this process that have asked for this bus, since they share one connection. So
    /// it is for the program to call, and not for a library in it. Dropping the last reference does the same.
    public func close() async {
        await end(ConnectToError(.busLost, "this program has closed the connection to the bus at \(address)"))
    }
}
