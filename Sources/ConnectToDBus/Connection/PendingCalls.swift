import ConnectToLinux

/// The calls that wait for their replies, by their serial number: libdbus's, or for a message that was written past it
/// one from 2³¹ on.
///
/// Not libdbus's own table: its entries are never told of when the connection is lost.
struct PendingCalls {
    typealias Completion = @Sendable (Result<Reply, DBusError>) -> Void

    struct Call {
        /// Whoever else replies under this number is not believed. `nil` where the call went to a well-known name,
        /// whose owner we cannot know.
        let replier: String?
        /// What was called, for messages.
        let destination: String
        let member: String
        let timer: Reactor.Timer
        let completion: Completion

        var title: String { "the call of \(member) at \(destination)" }
    }

    private static let keptCapacity = 256

    private var calls: [UInt32: Call] = [:]

    var count: Int { calls.count }

    mutating func insert(_ call: Call, serial: UInt32) {
        calls[serial] = call
    }

    /// The call that a message with this reply serial settles; `nil` if nobody waits for it, or not from that sender.
    mutating func take(repliedTo serial: UInt32, by sender: String?) -> Call? {
        guard let index = calls.index(forKey: serial) else { return nil }
        if let replier = calls[index].value.replier, let sender, sender != replier, sender != BusName.bus {
            return nil
        }
        return didTake(calls.remove(at: index).value)
    }

    /// The call with this number, whoever might have replied: its time is up, or nobody wants the reply any more.
    mutating func take(_ serial: UInt32) -> Call? {
        calls.removeValue(forKey: serial).map { didTake($0) }
    }

    /// Room for many calls at a time is not kept for ever.
    private mutating func didTake(_ call: Call) -> Call {
        if calls.isEmpty, calls.capacity > Self.keptCapacity { calls = [:] }
        return call
    }

    /// All of them, in the order they were made.
    mutating func takeAll() -> [Call] {
        defer { calls = [:] }
        return calls.sorted { $0.key < $1.key }.map(\.value)
    }
}
