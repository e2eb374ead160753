import ConnectToDBus
import ConnectToLinux

/// Who is behind a unique name, asked of the bus once and remembered.
///
/// A unique name is never used again while the bus lives, so what was learned of one holds. The descriptor of its
/// process belongs to those who have the peer, and is not kept here. On the loop.
actor Identities {
    typealias Completion = @Sendable (Result<Peer, DBusError>) -> Void

    /// How many are remembered; over it all are forgotten and asked for again.
    private static let capacity = 4_096
    /// How many callers wait for the bus's answers: of all names; of one; and of one where many have come.
    private static let waitingInAll = 4_096
    private static let waitingOfName = 256
    private static let waitingOfNameInCrowd = 4

    private let connection: BusConnection
    private final class Known {
        /// Without its process.
        let peer: Peer
        weak var process: ProcessHandle?

        init(_ peer: Peer, _ process: ProcessHandle?) {
            self.peer = peer
            self.process = process
        }
    }

    /// What the bus's process numbers mean; nil until it has said how it numbers this process.
    private(set) var numbers: ProcessNumbers?
    private var known: [String: Known] = [:]
    /// Who waits for what the bus is being asked, in the order of asking.
    private var asking: [String: [Completion]] = [:]
    private var waitingCount = 0

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        connection.reactor.asUnownedSerialExecutor()
    }

    init(_ connection: BusConnection) {
        self.connection = connection
    }

    /// The bus has gone: the next one gives the same names to others.
    func forget() {
        known = [:]
        numbers = nil
    }

    /// - Parameter uniqueName: of a connection; whoever owns it.
    func peer(_ uniqueName: String) async throws(DBusError) -> Peer {
        if let peer = remembered(uniqueName) { return peer }
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

    /// Asked before the first peer, and answered before: the bus answers in order. Until then nothing is known of
    /// processes.
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

    /// Whether one more may wait for what the bus says of a name. Nobody knows yet whose it is, so all names that are
    /// not remembered share the room.
    func hasRoom(for uniqueName: String) -> Bool {
        Self.hasRoom(whereItsOwnAre: asking[uniqueName]?.count ?? 0, andAllAre: waitingCount)
    }

    /// Half of the room is for whoever is first. The other half is for a few of each name: or some names, and a caller
    /// that the bus has cut off comes with a new one each time, would keep out everybody else.
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

    /// What is known without asking, but for the process.
    func known(_ uniqueName: String) -> Peer? { known[uniqueName]?.peer }

    /// Nil also where the bus gave the process's descriptor and nobody has it any more: it can give it again.
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

    /// Whoever owns a well-known name just now. Nil as below.
    func ownerPeer(of busName: String) async throws(DBusError) -> Peer? {
        guard let owner = try await owner(of: busName) else { return nil }
        return (try? await peer(owner)) ?? Peer(busName: owner)
    }

    /// The unique name of whoever owns a name just now.
    /// - Returns: Nil where nobody does, by the bus's own word.
    func owner(of busName: String) async throws(DBusError) -> String? {
        do throws(DBusError) {
            let reply = try await connection.call(
                .toBus("GetNameOwner", [.string(busName)]), deadline: BusConnection.busDeadline)
            guard case .string(let owner)? = reply.body.first else {
                throw .invalid("the bus does not say who owns \(busName)")
            }
            return owner
        } catch {
            if error.name == DBusError.Name.nameHasNoOwner { return nil }
            throw error
        }
    }

    /// Asks the bus once more whether a peer's connection is there and its process the one whose descriptor was
    /// opened by number: between the bus's first answer and the opening the number may have become another's.
    func confirmsProcess(of peer: Peer) async -> Bool {
        guard let process = peer.process else { return false }
        if peer.isProcessFromBus { return !process.hasEnded }
        let reply = try? await connection.call(
            .toBus("GetConnectionUnixProcessID", [.string(peer.busName)]), deadline: BusConnection.busDeadline)
        guard case .uint32(let pid)? = reply?.body.first else { return false }
        return Int32(exactly: pid) == process.pid && !process.hasEnded
    }
}
