import ConnectToDBus
import Glibc

/// What can be learnt of a bus and of the way to it, to show it or to find out why something does not work.
public struct BusInfo: Sendable, Hashable {
    /// The process of the bus itself, as far as the bus tells.
    public let daemon: Peer?
    /// This process, as the bus and so every other program sees it. Where a D-Bus proxy stands between, that is the
    /// proxy.
    public let ownPeer: Peer?
    /// Whether the bus's process ids are those of this process's pid namespace. Where they are not, as between a
    /// container and the bus outside of it, nothing is known of the processes of peers (``Peer/pid``).
    public let knowsProcesses: Bool
    /// How many names are on the bus, unique and well-known. A proxy hides those that it does not let through.
    public let nameCount: Int

    /// For tests of code that shows a bus; what is known of a real one comes from ``Bus/info()``.
    public init(daemon: Peer? = nil, ownPeer: Peer? = nil, knowsProcesses: Bool = true, nameCount: Int = 0) {
        self.daemon = daemon
        self.ownPeer = ownPeer
        self.knowsProcesses = knowsProcesses
        self.nameCount = nameCount
    }

    /// The D-Bus proxy through which this process reaches the bus, as from a sandbox: the bus takes its process for this
    /// one. Nil where there is none, and where ``knowsProcesses`` is false: then it cannot be seen.
    ///
    /// A proxy can hide names: one that it lets nothing through to looks as if it were not registered.
    public var proxy: Peer? {
        guard let ownPeer, let pid = ownPeer.pid, pid != getpid() else { return nil }
        return ownPeer
    }
}

extension Bus {
    /// The version of the protocol that programs speak with each other over ports, and by which they are introduced.
    public static var protocolVersion: Int { Int(Greeting.version) }

    /// The version of the libdbus that this process runs with, such as `1.14.10`.
    public static var libdbusVersion: String { libraryVersion() }

    /// Looks at the bus, and at what is between it and this process.
    /// - Throws: ``ConnectToError``: ``ConnectToError/Code/busLost`` where the bus is away or lost;
    ///   ``ConnectToError/Code/timedOut`` where it does not answer within five seconds.
    public func info() async throws(ConnectToError) -> BusInfo {
        let reply = try await ask("ListNames", "asking for the names on the bus")
        guard case .array("s", let names)? = reply.body.first else {
            throw ConnectToError(
                .busError, "the bus at \(address) answered ListNames with something other than names; look at its log")
        }
        return BusInfo(
            daemon: try? await identities.peer(BusName.bus),
            ownPeer: try? await identities.peer(connection.uniqueName),
            knowsProcesses: await identities.numbers == .ours, nameCount: names.count)
    }

    /// Calls a method of the bus itself that takes no arguments.
    func ask(_ member: String, _ operation: String) async throws(ConnectToError) -> Reply {
        do throws(DBusError) {
            return try await connection.call(.toBus(member), deadline: BusConnection.busDeadline)
        } catch {
            throw ConnectToError(error, operation)
        }
    }
}
