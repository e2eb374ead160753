/// How many connect events wait to be taken, and whose; so that nobody's callers fill the room for others.
struct WaitingRoom {
    /// Of one process.
    static let seatsOfProcess = 256
    /// Of all processes of one user.
    static let seatsOfUser = 512
    static let seats = 1_024

    private var count = 0
    private var users: [UInt32?: Int] = [:]
    private var processes: [Peer.Account: Int] = [:]

    func hasSeat(for peer: Peer) -> Bool {
        count < Self.seats && users[peer.uid, default: 0] < Self.seatsOfUser
            && processes[peer.account, default: 0] < Self.seatsOfProcess
    }

    mutating func enter(_ peer: Peer) {
        count += 1
        users[peer.uid, default: 0] += 1
        processes[peer.account, default: 0] += 1
    }

    mutating func leave(_ peer: Peer) {
        count -= 1
        Self.decrement(&users[peer.uid])
        Self.decrement(&processes[peer.account])
    }

    private static func decrement(_ count: inout Int?) {
        count = count.flatMap { $0 > 1 ? $0 - 1 : nil }
    }
}
