import ConnectToLinux
import Synchronization

/// The messages that are taken next, lent to one holder, which claims each without the line's lock.
///
/// All but the last: that one is taken under the lock, where it shows what follows from it. Whatever the line
/// does with its input otherwise, it revokes the cursor first; then nobody claims any more.
///
/// Claiming is a store and two loads. A claim and a revocation that meet agree by ``verdict``.
@usableFromInline
final class RunCursor: Sendable {
    private let chunk: Chunk
    private let end: Int
    /// From the chunk's beginning to the next message, in the lower half; in the upper, how many were claimed. The
    /// holder alone stores it.
    private let state: Atomic<UInt64>
    private let isRevoked = Atomic(false)
    /// The state at which the lending ended, once it has.
    private let verdict = Atomic(RunCursor.undecided)
    private static let undecided = UInt64.max

    /// - Parameter range: of whole messages in the chunk that have been checked.
    init(_ chunk: Chunk, _ range: Range<Int>) {
        self.chunk = chunk
        end = range.upperBound
        state = Atomic(UInt64(UInt32(truncatingIfNeeded: range.lowerBound)))
    }

    /// The next message; nil where there is only the last, or the cursor has been revoked. For its holder.
    @usableFromInline
    func claim() -> Message? {
        // What the bytes say was there before the cursor was: the order of this word alone is enough.
        let word = state.load(ordering: .relaxed)
        let position = Int(UInt32(truncatingIfNeeded: word))
        let header = FrameHeader(checked: chunk.base + position)
        let payload = position &+ FrameHeader.size
        let next = payload &+ header.length
        if next == end { return nil }
        let claimed = (word >> 32 &+ 1) << 32 | UInt64(UInt32(truncatingIfNeeded: next))
        state.store(claimed, ordering: .relaxed)
        AsymmetricFence.light()
        if isRevoked.load(ordering: .relaxed), decide(claimed) < claimed { return nil }
        return Message(header.kind, Payload(chunk, payload..<next))
    }

    /// How many have been claimed, and where the rest begins.
    var progress: (claimed: Int, position: Int) { Self.progress(state.load(ordering: .relaxed)) }

    /// Ends the lending, for good; to be called once.
    ///
    /// - Parameter isHolder: the caller is the holder, which claims no more, and nobody else does.
    func revoke(byHolder isHolder: Bool) -> (claimed: Int, position: Int) {
        isRevoked.store(true, ordering: .relaxed)
        if !isHolder { AsymmetricFence.heavy() }
        return Self.progress(decide(state.load(ordering: .relaxed)))
    }

    /// What is proposed first holds. The holder comes with the claim that it is about to make, the revoker
    /// with what it has seen of the holder's: which may have been that very claim.
    private func decide(_ proposal: UInt64) -> UInt64 {
        let outcome = verdict.compareExchange(
            expected: Self.undecided, desired: proposal, ordering: .relaxed)
        return outcome.exchanged ? proposal : outcome.original
    }

    private static func progress(_ word: UInt64) -> (claimed: Int, position: Int) {
        (Int(word >> 32), Int(UInt32(truncatingIfNeeded: word)))
    }
}
