import ConnectTo
import ConnectToLinux

/// Threads for peers' files, one for each file. Any thread can block in the kernel for ever; then only the peer that
/// sent the file has fewer threads left.
///
/// Further files wait until a thread ends. A file fails if every thread that it could wait for has been given up.
final class FileThreads: Sendable {
    /// How many files are looked at and copied at the same time: in all, of one user, and of one process.
    static let limits = (all: 32, user: 16, process: 4)

    enum Refusal: Error, Equatable {
        /// As many threads as are allowed have been given up, and still hang.
        case allHang(count: Int)
        /// The work made no progress, and was given up.
        case stalled
        case noThread(SystemError)
    }

    private struct Slot {
        let sender: FileSender
        var hangs = false
    }

    private enum Vacancy: Equatable {
        case free, busy
        case allHang(count: Int)
    }

    private struct State {
        var slots: [Int: Slot] = [:]
        var waiting: [(sender: FileSender, continuation: CheckedContinuation<Result<Int, Refusal>, Never>)] = []
        var lastNumber = 0

        /// Gives free slots to the waiting files, in the order in which they asked. The returned closures resume them.
        mutating func grantSlots() -> [() -> Void] {
            var answers: [() -> Void] = []
            var busy: Set<FileSender> = []
            let asked = waiting
            waiting = []
            for (sender, continuation) in asked {
                let vacancy = busy.contains(sender) ? .busy : vacancy(for: sender)
                switch vacancy {
                case .busy:
                    busy.insert(sender)
                    waiting.append((sender, continuation))
                case .allHang(let count):
                    answers.append { continuation.resume(returning: .failure(.allHang(count: count))) }
                case .free:
                    lastNumber += 1
                    let number = lastNumber
                    slots[number] = Slot(sender: sender)
                    answers.append { continuation.resume(returning: .success(number)) }
                }
            }
            return answers
        }

        private func vacancy(for sender: FileSender) -> Vacancy {
            let all = slots.values
            let limits = FileThreads.limits
            let shares: [(slots: [Slot], limit: Int)] = [
                (all.filter { $0.sender == sender }, limits.process),
                (all.filter { $0.sender.user == sender.user }, limits.user), (Array(all), limits.all),
            ]
            let full = shares.filter { $0.slots.count >= $0.limit }
            if let hanging = full.first(where: { $0.slots.allSatisfy(\.hangs) }) {
                return .allHang(count: hanging.limit)
            }
            return full.isEmpty ? .free : .busy
        }
    }

    private let patience: Duration
    private let state = Lock(State())

    /// - Parameter patience: how long work may make no progress before it is given up.
    init(patience: Duration) {
        self.patience = patience
    }

    /// Runs work on a thread of its own, as soon as the sender may have one.
    /// - Parameter body: its result is dropped if the work has been given up.
    func run<Value: Sendable>(
        for sender: FileSender, _ body: @escaping @Sendable (FileWork) -> Value
    ) async throws(Refusal) -> Value {
        let slot = try await waitForSlot(for: sender)
        let outcome = Latch<Result<Value, Refusal>>()
        let work = FileWork()
        do throws(SystemError) {
            try startDetachedThread(named: "file") { [self] in
                let value = body(work)
                let isWanted = work.end()
                change { $0.slots[slot] = nil }
                if isWanted { outcome.set(.success(value)) }
            }
        } catch {
            change { $0.slots[slot] = nil }
            throw .noThread(error)
        }
        if let loop = try? EventLoop.shared {
            work.giveUp(after: patience, on: loop) { [self] in
                change { $0.slots[slot]?.hangs = true }
                outcome.set(.failure(.stalled))
            }
        }
        // The result is always set: no task that runs this is cancelled.
        return try await (outcome.wait() ?? .failure(.stalled)).get()
    }

    // MARK: Slots

    private func waitForSlot(for sender: FileSender) async throws(Refusal) -> Int {
        try await withCheckedContinuation { continuation in
            change { $0.waiting.append((sender, continuation)) }
        }.get()
    }

    /// Changes the state, and resumes the waiting files that the change lets go on.
    private func change(_ change: (inout State) -> Void) {
        let answers = state.withLock { state in
            change(&state)
            return state.grantSlots()
        }
        for answer in answers { answer() }
    }
}

/// The peer that a file comes from; each peer and each user gets a share of the threads for files.
struct FileSender: Hashable, Sendable {
    let user: UInt32?
    /// The process's number, or the connection's name if the bus does not know the process.
    let process: String

    init(user: UInt32?, process: String) {
        self.user = user
        self.process = process
    }

    /// The sender for a program that has only one peer.
    static let onlyPeer = FileSender(user: nil, process: "")

    init(_ peer: Peer) {
        self.init(user: peer.uid, process: peer.pid.map { "\($0)" } ?? peer.busName)
    }
}
