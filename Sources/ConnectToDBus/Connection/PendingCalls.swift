import ConnectToLinux

/// The calls that wait for their replies, by serial number. libdbus numbers the messages that it sends; messages that
/// bypass it have numbers from 2³¹ on.
///
/// libdbus's own table of pending calls is not used, because it does not report them when the connection is lost.
struct PendingCalls {
    typealias Completion = @Sendable (Result<Reply, DBusError>) -> Void

    struct Call {
        /// The only connection, besides the bus, whose reply counts. Nil where the call went to a well-known name,
        /// whose owner is unknown here.
        let replier: String?
        /// For error messages, as is ``member``.
        let destination: String
        let member: String
        let timer: Reactor.Timer
        let completion: Completion

        /// What error messages call this call.
        var title: String { OutgoingCall.title(member: member, destination: destination) }
    }

    private static let keptCapacity = 256

    private var calls: [UInt32: Call] = [:]

    var count: Int { calls.count }

    mutating func insert(_ call: Call, serial: UInt32) {
        calls[serial] = call
    }

    /// Removes the call that a reply belongs to. Nil if no call waits for that serial number, or the call waits for
    /// another sender's reply.
    mutating func remove(repliedTo serial: UInt32, by sender: String?) -> Call? {
        guard let index = calls.index(forKey: serial) else { return nil }
        if let replier = calls[index].value.replier, let sender, sender != replier, sender != BusName.bus {
            return nil
        }
        defer { releaseUnusedMemory() }
        return calls.remove(at: index).value
    }

    /// Removes a call without a reply: its deadline has passed, or it was cancelled.
    mutating func remove(_ serial: UInt32) -> Call? {
        defer { releaseUnusedMemory() }
        return calls.removeValue(forKey: serial)
    }

    /// Gives back the memory that a rush of calls has left unused.
    private mutating func releaseUnusedMemory() {
        if calls.isEmpty, calls.capacity > Self.keptCapacity { calls = [:] }
    }

    /// Removes all calls, and returns them in the order of their serial numbers.
    mutating func removeAll() -> [Call] {
        defer { calls = [:] }
        return calls.sorted { $0.key < $1.key }.map(\.value)
    }
}
