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

    private struct Place {
        let owner: FileOwner
        var hangs = false
    }

    private enum Room: Equatable {
        case free, busy
        case allHang(count: Int)
    }

    private struct State {
        var places: [Int: Place] = [:]
        var waiting: [(owner: FileOwner, continuation: CheckedContinuation<Result<Int, Refusal>, Never>)] = []
        var lastNumber = 0

        /// Gives free places to the waiting files, in the order in which they asked. The returned closures resume them.
        mutating func answers() -> [() -> Void] {
            var answers: [() -> Void] = []
            var busy: Set<FileOwner> = []
            let asked = waiting
            waiting = []
            for (owner, continuation) in asked {
                let room = busy.contains(owner) ? .busy : room(for: owner)
                switch room {
                case .busy:
                    busy.insert(owner)
                    waiting.append((owner, continuation))
                case .allHang(let count):
                    answers.append { continuation.resume(returning: .failure(.allHang(count: count))) }
                case .free:
                    lastNumber += 1
                    let number = lastNumber
                    places[number] = Place(owner: owner)
                    answers.append { continuation.resume(returning: .success(number)) }
                }
            }
            return answers
        }

        private func room(for owner: FileOwner) -> Room {
            let all = places.values
            let limits = FileThreads.limits
            let shares: [(places: [Place], limit: Int)] = [
                (all.filter { $0.owner == owner }, limits.process),
                (all.filter { $0.owner.user == owner.user }, limits.user), (Array(all), limits.all),
            ]
            let full = shares.filter { $0.places.count >= $0.limit }
            if let hanging = full.first(where: { $0.places.allSatisfy(\.hangs) }) {
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

    /// Runs work on a thread of its own, as soon as the owner may have one.
    /// - Parameter work: its result is dropped if the work has been given up.
    func run<Value: Sendable>(
        for owner: FileOwner, _ work: @escaping @Sendable (Attempt) -> Value
    ) async throws(Refusal) -> Value {
        let place = try await take(for: owner)
        let outcome = Latch<Result<Value, Refusal>>()
        let attempt = Attempt()
        do throws(SystemError) {
            try startDetachedThread(named: "file") { [self] in
                let value = work(attempt)
                let isWanted = attempt.end()
                change { $0.places[place] = nil }
                if isWanted { outcome.set(.success(value)) }
            }
        } catch {
            change { $0.places[place] = nil }
            throw .noThread(error)
        }
        if let loop = try? EventLoop.shared {
            attempt.giveUp(after: patience, on: loop) { [self] in
                change { $0.places[place]?.hangs = true }
                outcome.set(.failure(.stalled))
            }
        }
        // The result is always set: no task that runs this is cancelled.
        return try await (outcome.wait() ?? .failure(.stalled)).get()
    }

    // MARK: Places

    private func take(for owner: FileOwner) async throws(Refusal) -> Int {
        try await withCheckedContinuation { continuation in
            change { $0.waiting.append((owner, continuation)) }
        }.get()
    }

    /// Changes the state, and resumes the waiting files that the change lets go on.
    private func change(_ change: (inout State) -> Void) {
        let answers = state.withLock { state in
            change(&state)
            return state.answers()
        }
        for answer in answers { answer() }
    }
}
