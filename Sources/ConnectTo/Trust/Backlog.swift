/// How many connect events wait to be taken, and whose; so that nobody's callers fill the backlog for others.
struct Backlog {
    /// Of one process.
    static let capacityOfProcess = 256
    /// Of all processes of one user.
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
