import Synchronization

/// The messages that are taken next, lent to those who take them: each is claimed without the line's lock.
///
/// All but the last: that one is taken under the lock, where it shows what follows from it. Whatever the line
/// does with its input otherwise, it revokes the cursor first; then nobody claims any more.
@usableFromInline
final class RunCursor: Sendable {
    private static let revoked = UInt64.max

    private let chunk: Chunk
    private let end: Int
    /// From the chunk's beginning to the next message, in the lower half; in the upper, how many were claimed.
    private let state: Atomic<UInt64>

    /// - Parameter range: of whole messages in the chunk that have been checked.
    init(_ chunk: Chunk, _ range: Range<Int>) {
        self.chunk = chunk
        end = range.upperBound
        state = Atomic(UInt64(UInt32(truncatingIfNeeded: range.lowerBound)))
    }

    /// The next message; nil where there is only the last, or the cursor has been revoked.
    @usableFromInline
    func claim() -> Message? {
        // What the bytes say was there before the cursor was: the order of this word alone is enough.
        var word = state.load(ordering: .relaxed)
        while word != Self.revoked {
            let position = Int(UInt32(truncatingIfNeeded: word))
            let header = FrameHeader(checked: chunk.base + position)
            let payload = position &+ FrameHeader.size
            let next = payload &+ header.length
            if next == end { return nil }
            let claimed = word >> 32 &+ 1
            let desired = claimed << 32 | UInt64(UInt32(truncatingIfNeeded: next))
            let outcome = state.weakCompareExchange(expected: word, desired: desired, ordering: .relaxed)
            if outcome.exchanged { return Message(header.kind, Payload(chunk, payload..<next)) }
            word = outcome.original
        }
        return nil
    }

    /// How many have been claimed, and where the rest begins.
    var progress: (claimed: Int, position: Int) { Self.progress(state.load(ordering: .relaxed)) }

    /// Ends the lending, for good; to be called once.
    func revoke() -> (claimed: Int, position: Int) {
        Self.progress(state.exchange(Self.revoked, ordering: .relaxed))
    }

    private static func progress(_ word: UInt64) -> (claimed: Int, position: Int) {
        (Int(word >> 32), Int(UInt32(truncatingIfNeeded: word)))
    }
}
