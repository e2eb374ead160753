/// The handlers of the watched descriptors, by the token that epoll reports with each event.
///
/// A token is never reused, because an event that epoll has reported already may belong to a source that has been
/// removed since.
struct SourceTable {
    typealias Handler = @Sendable (Readiness) -> Void

    /// The reactor uses the lower tokens for its own descriptors.
    static let firstToken: UInt64 = 2

    private struct Slot {
        var handler: Handler?
        /// How often the slot has been used before.
        var generation: UInt32 = 0
    }

    private var slots: [Slot] = []
    private var free: [Int] = []

    subscript(token: UInt64) -> Handler? {
        guard let index = index(of: token) else { return nil }
        return slots[index].handler
    }

    /// - Returns: the handler's token.
    mutating func insert(_ handler: @escaping Handler) -> UInt64 {
        let index = free.popLast() ?? slots.count
        if index == slots.count { slots.append(Slot()) }
        slots[index].handler = handler
        return UInt64(slots[index].generation) << 32 | UInt64(index) + Self.firstToken
    }

    /// - Returns: the handler, which the caller releases where that is safe: outside of locks.
    mutating func remove(_ token: UInt64) -> Handler? {
        guard let index = index(of: token), let handler = slots[index].handler else { return nil }
        slots[index].handler = nil
        slots[index].generation &+= 1
        free.append(index)
        return handler
    }

    private func index(of token: UInt64) -> Int? {
        let index = Int(token & 0xffff_ffff) - Int(Self.firstToken)
        guard slots.indices.contains(index), slots[index].generation == UInt32(token >> 32) else {
            return nil
        }
        return index
    }
}
