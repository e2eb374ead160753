import ConnectToLinux
import Synchronization

/// The front run of the input, lent to one holder, which claims each message without the line's lock.
///
/// The holder can claim all messages but the last. The last one is taken under the lock, since taking it may have
/// effects, such as more reading or the port's end. Before the line uses its input in any other way, it revokes the
/// cursor; from then on no message can be claimed.
///
/// Claiming is one store and two loads. Where a claim and a revocation happen at the same time, ``verdict`` decides
/// which messages were claimed.
@usableFromInline
final class RunCursor: Sendable {
    private let chunk: Chunk
    private let end: Int
    /// Lower half: the next message's offset in the chunk. Upper half: how many messages were claimed. Only the holder
    /// stores it.
    private let state: Atomic<UInt64>
    private let isRevoked = Atomic(false)
    /// The value of ``state`` at which the lending ended, once it has ended.
    private let verdict = Atomic(RunCursor.undecided)
    private static let undecided = UInt64.max

    /// - Parameter range: the range of whole, checked messages in the chunk.
    init(_ chunk: Chunk, _ range: Range<Int>) {
        self.chunk = chunk
        end = range.upperBound
        state = Atomic(UInt64(UInt32(truncatingIfNeeded: range.lowerBound)))
    }

    /// Claims the next message; nil where only the last one is left, or the cursor has been revoked. Only the holder
    /// calls this.
    @usableFromInline
    func claim() -> Message? {
        // The bytes were written before the cursor was made, so relaxed ordering of this word is enough.
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

    /// How many messages have been claimed, and where the rest begins.
    var progress: (claimed: Int, position: Int) { Self.progress(state.load(ordering: .relaxed)) }

    /// Ends the lending for good; to be called only once.
    ///
    /// - Parameter isHolder: the caller is the holder or knows that the holder claims no more, so no claim can run at
    ///   the same time.
    func revoke(byHolder isHolder: Bool) -> (claimed: Int, position: Int) {
        isRevoked.store(true, ordering: .relaxed)
        if !isHolder { AsymmetricFence.heavy() }
        return Self.progress(decide(state.load(ordering: .relaxed)))
    }

    /// The first proposal holds. The holder proposes the claim that it is about to make; the revoker proposes the
    /// holder's state as it has seen it, which may include that very claim.
    private func decide(_ proposal: UInt64) -> UInt64 {
        let outcome = verdict.compareExchange(
            expected: Self.undecided, desired: proposal, ordering: .relaxed)
        return outcome.exchanged ? proposal : outcome.original
    }

    private static func progress(_ word: UInt64) -> (claimed: Int, position: Int) {
        (Int(word >> 32), Int(UInt32(truncatingIfNeeded: word)))
    }
}
