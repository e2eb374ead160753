import ConnectToDBus
import ConnectToLinux

/// The peer behind a unique name, asked of the bus once and remembered.
///
/// A bus never uses a unique name twice, so what was learnt of a name holds while the bus lives. The descriptor of
/// the process belongs to those that hold the ``Peer``; here it is only known weakly. On the loop.
actor Identities {
    typealias Completion = @Sendable (Result<Peer, DBusError>) -> Void

    /// Above this many peers all are forgotten, and asked for again.
    private static let capacity = 4_096
    /// How many callers may wait for the bus's answers: in all; for one name; and for one name while many wait in
    /// all.
    private static let waitingInAll = 4_096
    private static let waitingOfName = 256
    private static let waitingOfNameInCrowd = 4

    private let connection: BusConnection
    private final class Known {
        /// The peer without its process.
        let peer: Peer
        weak var process: ProcessHandle?

        init(_ peer: Peer, _ process: ProcessHandle?) {
            self.peer = peer
            self.process = process
        }
    }

    /// What the bus's process numbers mean; nil until the bus has said how it numbers this process.
    private(set) var numbers: ProcessNumbers?
    private var known: [String: Known] = [:]
    /// By unique name, the completions that wait for the bus's answer, in the order of asking.
    private var asking: [String: [Completion]] = [:]
    private var waitingCount = 0

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        connection.reactor.asUnownedSerialExecutor()
    }

    init(_ connection: BusConnection) {
        self.connection = connection
    }

    /// To be called when the bus has gone: the next bus gives the same unique names to other connections.
    func forget() {
        known = [:]
        numbers = nil
    }

    /// - Parameter uniqueName: of any connection on the bus.
    func peer(_ uniqueName: String) async throws(DBusError) -> Peer {
        if let peer = remembered(uniqueName) { return peer }
        let answer = Latch<Result<Peer, DBusError>>()
        identify(uniqueName) { answer.set($0) }
        guard let result = await answer.wait() else {
            throw .cancelled("asking the bus about the program \(uniqueName) was cancelled")
        }
        return try result.get()
    }

    /// The same without a task. The completion is called once, on the loop; at once where the peer is known.
    ///
    /// Completions for one name are called in the order of asking, and the bus is asked once for all of them: the
    /// calls of one program are to be served in their order.
    func identify(_ uniqueName: String, completion: @escaping Completion) {
        if let peer = remembered(uniqueName) { return completion(.success(peer)) }
        asking[uniqueName, default: []].append(completion)
        waitingCount += 1
        if asking[uniqueName]?.count != 1 { return }
        if numbers == nil, asking.count == 1 { learnNumbers() }
        let call = OutgoingCall.toBus("GetConnectionCredentials", [.string(uniqueName)])
        connection.assumeIsolated {
            $0.call(call, deadline: BusConnection.busDeadline) { [self] result in
                assumeIsolated { identities in
                    let numbers = identities.numbers ?? .foreign
                    let peer = result.map {
                        Peer(busName: uniqueName, credentials: $0.body.first, numbers: numbers)
                    }
                    identities.didLearn(peer, of: uniqueName)
                }
            }
        }
    }

    /// Asks how the bus numbers this process. It is asked before the first peer, and answered before, since the bus
    /// answers in order. Until then nothing is known of processes.
    private func learnNumbers() {
        let call = OutgoingCall.toBus("GetConnectionUnixProcessID", [.string(connection.uniqueName)])
        connection.assumeIsolated {
            $0.call(call, deadline: BusConnection.busDeadline) { [self, connection] result in
                let end = connection.assumeIsolated { $0.processAtOtherEnd }
                assumeIsolated {
                    guard case .uint32(let own)? = (try? result.get())?.body.first else { return }
                    $0.numbers = ProcessNumbers(ofThisProcess: Int32(exactly: own) ?? 0, ofOtherEnd: end)
                }
            }
        }
    }

    /// Whether one more caller may wait for what the bus says of a name. The owner of the name is not known yet, so
    /// all names that are not remembered share the room.
    func hasRoom(for uniqueName: String) -> Bool {
        Self.hasRoom(whereItsOwnAre: asking[uniqueName]?.count ?? 0, andAllAre: waitingCount)
    }

    /// Half of the room goes to callers in the order in which they come. The other half is for a few callers of each
    /// name. Otherwise a few names could keep out all others, and a caller that the bus has cut off comes back with a
    /// new name each time.
    static func hasRoom(
        whereItsOwnAre own: Int, andAllAre all: Int, descriptors: Int = DescriptorReserve.available
    ) -> Bool {
        let inAll = min(waitingInAll, descriptors / 2)
        if all < inAll / 2 { return own < waitingOfName }
        return all < inAll && own < waitingOfNameInCrowd
    }

    private func didLearn(_ answer: Result<Peer, DBusError>, of uniqueName: String) {
        if case .success(let peer) = answer {
            remember(peer)
        }
        let waiting = asking.removeValue(forKey: uniqueName) ?? []
        waitingCount -= waiting.count
        for completion in waiting { completion(answer) }
    }

    /// What is known without asking, except for the process.
    func known(_ uniqueName: String) -> Peer? { known[uniqueName]?.peer }

    /// Nil also where the bus gave the process's descriptor and no peer value holds it any more: the bus can give it
    /// again.
    func remembered(_ uniqueName: String) -> Peer? {
        guard let known = known[uniqueName] else { return nil }
        var peer = known.peer
        peer.process = known.process
        if peer.process == nil, let pid = peer.pid {
            if peer.isProcessFromBus { return nil }
            peer.process = ProcessHandle.unlessScarce(pid)
            known.process = peer.process
        }
        return peer
    }

    private func remember(_ peer: Peer) {
        if known.count >= Self.capacity { known = [:] }
        var bare = peer
        bare.process = nil
        known[peer.busName] = Known(bare, peer.process)
    }

    /// The peer that owns a well-known name just now; nil as in ``owner(of:)``.
    func ownerPeer(of busName: String) async throws(DBusError) -> Peer? {
        guard let owner = try await owner(of: busName) else { return nil }
        return (try? await peer(owner)) ?? Peer(busName: owner)
    }

    /// The unique name of the connection that owns a name just now.
    /// - Returns: nil where the bus says that the name has no owner.
    func owner(
        of busName: String, within deadline: Duration = BusConnection.busDeadline
    ) async throws(DBusError) -> String? {
        do throws(DBusError) {
            let reply = try await connection.call(.toBus("GetNameOwner", [.string(busName)]), deadline: deadline)
            guard case .string(let owner)? = reply.body.first else {
                throw .invalid("the bus did not say which program owns \(busName)")
            }
            return owner
        } catch {
            if error.name == DBusError.Name.nameHasNoOwner { return nil }
            throw error
        }
    }

    /// Asks the bus once more whether the peer's connection exists and its process is the one whose descriptor was
    /// opened by number: between the bus's first answer and the opening, the kernel may have given the number to
    /// another process.
    func confirmsProcess(of peer: Peer) async -> Bool {
        guard let process = peer.process else { return false }
        if peer.isProcessFromBus { return !process.hasEnded }
        let reply = try? await connection.call(
            .toBus("GetConnectionUnixProcessID", [.string(peer.busName)]), deadline: BusConnection.busDeadline)
        guard case .uint32(let pid)? = reply?.body.first else { return false }
        return Int32(exactly: pid) == process.pid && !process.hasEnded
    }
}
