import DBus
import LinuxIO

/// Who is behind a unique name, asked of the bus once and remembered.
///
/// A unique name is never used again while the bus lives, so what was learned of one holds. On the loop.
actor Identities {
    /// How many are remembered; over it all are forgotten and asked for again.
    private static let capacity = 4_096
    private static let deadline = Duration.seconds(5)

    private let connection: BusConnection
    private var known: [String: Peer] = [:]

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        connection.reactor.asUnownedSerialExecutor()
    }

    init(_ connection: BusConnection) {
        self.connection = connection
    }

    /// - Parameter uniqueName: of a connection; whoever owns it.
    func peer(_ uniqueName: String) async throws(DBusError) -> Peer {
        if let peer = known[uniqueName] { return peer }
        let peer = try await ask(uniqueName, deadline: Self.deadline)
        if known.count >= Self.capacity { known = [:] }
        known[uniqueName] = peer
        return peer
    }

    /// Whoever bears a well-known name just now.
    func holder(of busName: String) async -> Peer? {
        guard let owner = await owner(of: busName) else { return nil }
        return (try? await peer(owner)) ?? Peer(busName: owner)
    }

    func owner(of busName: String) async -> String? {
        let reply = try? await connection.call(
            .toBus("GetNameOwner", [.string(busName)]), deadline: Self.deadline)
        guard case .string(let owner)? = reply?.body.first else { return nil }
        return owner
    }

    private func ask(_ uniqueName: String, deadline: Duration) async throws(DBusError) -> Peer {
        let reply = try await connection.call(
            .toBus("GetConnectionCredentials", [.string(uniqueName)]), deadline: deadline)
        var pid: Int32?
        var uid: UInt32?
        if case .dictionary(_, _, let pairs)? = reply.body.first {
            for pair in pairs {
                switch (pair.key, pair.value) {
                case (.string("ProcessID"), .variant(.uint32(let value))): pid = Int32(exactly: value)
                case (.string("UnixUserID"), .variant(.uint32(let value))): uid = value
                default: break
                }
            }
        }
        return Peer(
            busName: uniqueName, pid: pid, uid: uid, processName: pid.flatMap(processName(of:)))
    }
}
