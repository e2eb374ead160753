import DBus
import LinuxIO

/// Who is behind a unique name, asked of the bus once and remembered.
///
/// A unique name is never used again while the bus lives, so what was learned of one holds. On the loop.
actor Identities {
    typealias Completion = @Sendable (Result<Peer, DBusError>) -> Void

    /// How many are remembered; over it all are forgotten and asked for again.
    private static let capacity = 4_096
    private static let deadline = Duration.seconds(5)

    private let connection: BusConnection
    private var known: [String: Peer] = [:]
    /// Who waits for what the bus is being asked, in the order of asking.
    private var asking: [String: [Completion]] = [:]

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        connection.reactor.asUnownedSerialExecutor()
    }

    init(_ connection: BusConnection) {
        self.connection = connection
    }

    /// The bus has gone: the next one gives the same names to others.
    func forget() {
        known = [:]
    }

    /// - Parameter uniqueName: of a connection; whoever owns it.
    func peer(_ uniqueName: String) async throws(DBusError) -> Peer {
        if let peer = known[uniqueName] { return peer }
        let answer = Latch<Result<Peer, DBusError>>()
        identify(uniqueName) { answer.set($0) }
        guard let result = await answer.wait() else {
            throw .cancelled("asking who \(uniqueName) is was cancelled")
        }
        return try result.get()
    }

    /// The same without a task. The completion is called once, on the loop: at once where the answer is known.
    ///
    /// Those who ask about one name are answered in the order of asking, and the bus is asked once for all of
    /// them: a program that calls a hundred times is to be served in order.
    func identify(_ uniqueName: String, completion: @escaping Completion) {
        if let peer = known[uniqueName] { return completion(.success(peer)) }
        asking[uniqueName, default: []].append(completion)
        if asking[uniqueName]?.count != 1 { return }
        let call = OutgoingCall.toBus("GetConnectionCredentials", [.string(uniqueName)])
        connection.assumeIsolated {
            $0.call(call, deadline: Self.deadline) { [self] result in
                assumeIsolated { $0.didLearn(result.map { Self.peer(uniqueName, $0) }, of: uniqueName) }
            }
        }
    }

    private func didLearn(_ answer: Result<Peer, DBusError>, of uniqueName: String) {
        if case .success(let peer) = answer {
            if known.count >= Self.capacity { known = [:] }
            known[uniqueName] = peer
        }
        for completion in asking.removeValue(forKey: uniqueName) ?? [] { completion(answer) }
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

    private static func peer(_ uniqueName: String, _ reply: Reply) -> Peer {
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
