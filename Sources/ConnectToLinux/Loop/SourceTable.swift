/// Who is to be called with what a descriptor is ready for, by the number that the kernel tells.
///
/// A number is not used again: what the kernel has told already may be of one that has been removed since.
struct SourceTable {
    typealias Handler = @Sendable (Readiness) -> Void

    /// Lower ones mean something else to the reactor.
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

    /// - Returns: its token.
    mutating func insert(_ handler: @escaping Handler) -> UInt64 {
        let index = free.popLast() ?? slots.count
        if index == slots.count { slots.append(Slot()) }
        slots[index].handler = handler
        return UInt64(slots[index].generation) << 32 | UInt64(index) + Self.firstToken
    }

    /// - Returns: the handler, for the caller to let go of where that is safe.
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
