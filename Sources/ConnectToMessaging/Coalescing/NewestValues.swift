import DequeModule

/// The values of a ``CoalescingSender`` that have not been handled yet: of each key the newest.
///
/// A newer value takes the place of one that waits. Keys take turns, and no two values of a key are sent at a time.
struct NewestValues<Value> {
    private struct Slot {
        /// Nil while the newest value is being sent.
        var waiting: Value?
        /// The number of the newest value.
        var number: UInt64
    }

    /// How many values are sent at a time. It is less than the places that the other program usually grants, so that
    /// the program's requests find some free.
    static var sendersLimit: Int { 16 }

    private var slots: [String: Slot] = [:]
    /// The keys of which a value waits and none is being sent, in the order of their turns.
    private var turns: Deque<String> = []
    private var lastNumber: UInt64 = 0
    private var senders = 0

    /// The number of the newest value of each key that has not been handled. Numbers grow.
    var numbers: [String: UInt64] { slots.mapValues(\.number) }

    /// Adds a value.
    ///
    /// - Returns: whether one more sender has to start. A sender calls ``next()`` until that returns nil.
    mutating func post(_ value: Value, key: String) -> Bool {
        lastNumber += 1
        let isNew = slots.updateValue(Slot(waiting: value, number: lastNumber), forKey: key) == nil
        guard isNew else { return false }
        turns.append(key)
        guard senders < Self.sendersLimit else { return false }
        senders += 1
        return true
    }

    /// What a sender sends next; nil where it ends.
    mutating func next() -> (key: String, value: Value, number: UInt64)? {
        guard let key = turns.popFirst(), let slot = slots[key], let value = slot.waiting else {
            senders -= 1
            return nil
        }
        slots[key]?.waiting = nil
        return (key, value, slot.number)
    }

    /// The value of this key that ``next()`` returned has been handled, or has failed.
    mutating func sent(_ key: String) {
        if slots[key]?.waiting == nil {
            slots[key] = nil
        } else {
            turns.append(key)
        }
    }
}
