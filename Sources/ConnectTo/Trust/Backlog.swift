/// Counts the connect events that wait to be taken, by user and process: the callers of one must not fill the backlog
/// for the others.
struct Backlog {
    /// The limit for one process.
    static let capacityOfProcess = 256
    /// The limit for all processes of one user together.
    static let capacityOfUser = 512
    static let capacity = 1_024

    private var count = 0
    private var users: [UInt32?: Int] = [:]
    private var processes: [Peer.Account: Int] = [:]

    func hasRoom(for peer: Peer) -> Bool {
        count < Self.capacity && users[peer.uid, default: 0] < Self.capacityOfUser
            && processes[peer.account, default: 0] < Self.capacityOfProcess
    }

    mutating func add(_ peer: Peer) {
        count += 1
        users[peer.uid, default: 0] += 1
        processes[peer.account, default: 0] += 1
    }

    mutating func remove(_ peer: Peer) {
        count -= 1
        Self.decrement(&users[peer.uid])
        Self.decrement(&processes[peer.account])
    }

    private static func decrement(_ count: inout Int?) {
        count = count.flatMap { $0 > 1 ? $0 - 1 : nil }
    }
}
