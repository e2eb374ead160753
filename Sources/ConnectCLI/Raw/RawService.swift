import ConnectTo
import ConnectToLinux
import Glibc

/// `listen --raw`: standard input goes to the peer, and the peer's bytes go to standard output. Serves one peer at a
/// time, since the bytes of two peers could not be told apart.
final class RawService: PeerService {
    private let report: Report
    private let threads: StreamThreads
    private let state = Lock(State())

    private struct State {
        var copy: StreamCopy?
        var isUntaken = false
        var hasEnded = false
    }

    let limit = 1
    let status = ExitStatus.success

    init(report: Report) throws(SystemError) {
        self.report = report
        threads = try StreamThreads()
    }

    func untakenFailure(of event: StreamEvent) async -> Failure? {
        state.withLock { $0.isUntaken } ? Failure.untaken(by: event.peer.label) : nil
    }

    func serve(_ event: StreamEvent, _ number: Int) async throws(Failure) -> CloseReason {
        let copy = try StreamCopy(event.stream, endsWithPeer: isatty(0) == 1)
        let hasEnded = state.withLock { state in
            state.copy = copy
            return state.hasEnded
        }
        if hasEnded { copy.end() }
        let outcome = await copy.run(threads)
        state.withLock { state in
            state.copy = nil
            state.isUntaken = outcome.isUntaken
        }
        if let failure = outcome.failure { throw failure }
        return .streamEnd
    }

    func end() {
        let copy = state.withLock { state in
            state.hasEnded = true
            return state.copy
        }
        copy?.end()
    }
}

extension CloseReason {
    /// The close reason of every stream; a stream has no other.
    static let streamEnd = CloseReason(.closed, detail: "the stream has ended")
}

/// The open streams of `listen --raw`. Their ``PeerService`` ends them, so ``closeAll()`` does nothing.
actor OpenStreams: OpenPeers {
    private var peers = PeerCount()

    func add(_ event: StreamEvent) -> Int { peers.add() }

    func remove(_ number: Int) { peers.remove() }

    func waitUntilFewer(than count: Int) async {
        while !peers.isFewer(than: count) { await withCheckedContinuation { peers.awaitChange($0) } }
    }

    func closeAll() {}
}
