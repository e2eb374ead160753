import ConnectToLinux
import ConnectToPorts
import Glibc

/// What the callers on one bus use of this process, and whether they may use more.
final class Callers: Sendable {
    /// Why a caller is refused for now.
    enum Refusal: Error, Equatable, CustomStringConvertible {
        case tooOften
        case tooManyPorts
        case tooMuchHeld

        var description: String {
            switch self {
            case .tooOften: "its user or process has no introductions left for now"
            case .tooManyPorts: "its user or process has as many ports as it may"
            case .tooMuchHeld: "this process holds as many bytes for its user or process as it may"
            }
        }
    }

    /// A caller's lease of one port. The port counts until the lease is released.
    final class Lease: SocketLease {
        fileprivate let callers: Callers
        fileprivate let uid: UInt32
        fileprivate let process: Peer.Account
        /// Bounds what the ports of the caller's process hold together.
        let budget: MemoryBudget
        /// What the lease itself takes of that budget.
        private let share: MemoryShare

        fileprivate init(
            _ callers: Callers, _ uid: UInt32, _ process: Peer.Account, _ budget: MemoryBudget, size: Int
        ) {
            self.budget = budget
            share = MemoryShare(of: budget, size: size)
            self.callers = callers
            self.uid = uid
            self.process = process
        }

        deinit { callers.leave(uid, process) }
    }

    /// What a user or a process uses. A class, since changing a struct inside a dictionary costs more than all the
    /// rest.
    private class Account {
        var ports = 0
        var bucket: TokenBucket
        let budget: MemoryBudget

        init(_ bucket: TokenBucket, _ budget: MemoryBudget) {
            self.bucket = bucket
            self.budget = budget
        }

        var isIdle: Bool { ports == 0 && bucket.isFull && budget.held == 0 }
    }

    private struct Accounts {
        var users: [UInt32: Account] = [:]
        var processes: [Peer.Account: Account] = [:]

        mutating func user(_ uid: UInt32, else new: @autoclosure () -> Account) -> Account {
            if let user = users[uid] { return user }
            let user = new()
            users[uid] = user
            return user
        }

        mutating func process(_ process: Peer.Account, else new: @autoclosure () -> Account) -> Account {
            if let account = processes[process] { return account }
            let account = new()
            processes[process] = account
            return account
        }
    }

    /// Above this many accounts of processes, those without ports are discarded, and idle accounts of users.
    private static let capacity = 4_096

    private let limits: CallerLimits
    /// What the ports of one user may hold together, in bytes.
    private let heldBytes: Int
    /// Bounds what the ports of all users hold together.
    private let allUsers: MemoryBudget
    private let accounts = Lock(Accounts())

    init(_ limits: CallerLimits) {
        self.limits = limits
        heldBytes = min(limits.heldBytes, Self.addressSpace / 8)
        allUsers = MemoryBudget(2 * heldBytes)
    }

    /// How much address space this process may have. An allocation of Swift's that fails ends the process.
    private static var addressSpace: Int {
        var limit = rlimit()
        let result = getrlimit(__rlimit_resource_t(bitPattern: RLIMIT_AS.rawValue), &limit)
        return result == 0 ? Int(clamping: limit.rlim_cur) : .max
    }

    /// What one process gets of its user's limit.
    private static func share(of limit: Int) -> Int { limit - limit / 4 }

    /// For what is held of a caller whose user is not known yet.
    /// - Returns: nil where there is no room.
    func hold(_ size: Int) -> MemoryShare? {
        allUsers.isFull ? nil : MemoryShare(of: allUsers, size: size)
    }

    /// Gives a caller a lease of a port.
    /// - Parameters:
    ///   - size: what is held for the caller while it has the lease, in bytes: its metadata.
    ///   - descriptors: how many there are for all callers together.
    func enter(
        _ uid: UInt32, _ process: Peer.Account, size: Int = 0, descriptors: Int = DescriptorReserve.available,
        now: SuspendingClock.Instant = .now
    ) throws(Refusal) -> Lease {
        let portLimit = min(limits.openPorts, descriptors - descriptors / 4)
        let (refusal, budget): (Refusal?, MemoryBudget) = accounts.withLock { accounts in
            let user = accounts.user(
                uid,
                else: Account(
                    bucket(limits.introductionsPerSecond, now), MemoryBudget(heldBytes, within: allUsers)))
            let own = accounts.process(
                process,
                else: Account(
                    bucket(Self.share(of: limits.introductionsPerSecond), now),
                    // A third: one message more, and the memory in which it grows, then still leave room for other
                    // processes.
                    MemoryBudget(heldBytes / 3, within: user.budget)))
            user.bucket.refill(at: now)
            own.bucket.refill(at: now)
            let refusal: Refusal?
            if user.bucket.isEmpty || own.bucket.isEmpty {
                refusal = .tooOften
            } else {
                // Calls that are refused for another reason count too: they cost as much.
                user.bucket.take()
                own.bucket.take()
                let isFull = user.ports >= portLimit || own.ports >= Self.share(of: portLimit)
                refusal = isFull ? .tooManyPorts : own.budget.isFull ? .tooMuchHeld : nil
            }
            if refusal == nil {
                user.ports += 1
                own.ports += 1
            }
            if accounts.processes.count > Self.capacity {
                accounts.processes = accounts.processes.filter { $0.value.ports > 0 }
                accounts.users = accounts.users.filter { !$0.value.isIdle }
            }
            return (refusal, own.budget)
        }
        if let refusal { throw refusal }
        return Lease(self, uid, process, budget, size: size)
    }

    /// Until when a caller would be refused for calling too often; nil where it would not be. Takes no token.
    func recovery(
        _ uid: UInt32, _ process: Peer.Account, now: SuspendingClock.Instant = .now
    ) -> SuspendingClock.Instant? {
        accounts.withLock { accounts in
            for account in [accounts.users[uid], accounts.processes[process]] {
                account?.bucket.refill(at: now)
                if let account, account.bucket.isEmpty { return account.bucket.nextToken }
            }
            return nil
        }
    }

    private func bucket(_ rate: Int, _ now: SuspendingClock.Instant) -> TokenBucket {
        TokenBucket(rate: rate, now: now)
    }

    private func leave(_ uid: UInt32, _ process: Peer.Account) {
        accounts.withLock { accounts in
            accounts.users[uid]?.ports -= 1
            accounts.processes[process]?.ports -= 1
        }
    }

    /// How many ports a user has open.
    func ports(of uid: UInt32) -> Int {
        accounts.withLock { $0.users[uid]?.ports ?? 0 }
    }
}
