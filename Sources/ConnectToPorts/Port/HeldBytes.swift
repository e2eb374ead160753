import ConnectToLinux

/// Bytes that the program has taken from a port and still keeps, made by ``MessagePort/hold(bytes:)``.
public struct HeldBytes: Sendable {
    private let share: Share?

    fileprivate init(_ share: Share?) {
        self.share = share
    }

    /// The program no longer keeps the bytes. A second call does nothing. Dropping the last copy of the value does the
    /// same, but Swift may drop it earlier than the end of its scope.
    public func release() {
        share?.release()
    }

    fileprivate final class Share: Sendable {
        private let line: Line
        private let size: Int
        private let isHeld = Lock(true)

        init(_ line: Line, _ size: Int) {
            self.line = line
            self.size = size
            line.change { state, _ in state.inHand += size }
        }

        deinit { release() }

        func release() {
            let wasHeld = isHeld.withLock { isHeld in
                defer { isHeld = false }
                return isHeld
            }
            if wasHeld { line.change { [size] state, _ in state.inHand -= size } }
        }
    }
}

extension MessagePort {
    /// Counts bytes as held for this port's peer, until they are released: for a listener that takes messages quickly
    /// and passes them on slowly, to a file, a pipe or another program.
    ///
    /// ```swift
    /// for try await message in event.source.messages {
    ///     let held = event.source.hold(bytes: message.count)
    ///     defer { held.release() }
    ///     await passOn(message)
    /// }
    /// ```
    ///
    /// A port bounds what it has received and the program has not taken. What the program has taken is the program's
    /// own; held bytes make it count again, among the bytes that the callers of one user may make this process hold
    /// (`CallerLimits.heldBytes`, whose documentation says what happens above it). So callers whose messages pile up in
    /// the program stall themselves, and callers of other users go on.
    ///
    /// Never waits and never fails. On a port that is not a caller's (one that this program has connected or made) and
    /// for less than 4 KiB, nothing is counted.
    /// - Parameter count: how many bytes; zero or less counts nothing.
    public func hold(bytes count: Int) -> HeldBytes {
        HeldBytes(line.budget == nil || count < MemoryTally.grain ? nil : HeldBytes.Share(line, count))
    }
}
