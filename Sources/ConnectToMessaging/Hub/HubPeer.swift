public import ConnectTo

/// A program on the other side of one of a hub's lines.
///
/// Two values are equal where they are of the same line: a program that connects again is another peer, also under the
/// same id.
public struct HubPeer: Sendable, Identifiable, Hashable, CustomStringConvertible {
    /// The name by which the hub knows the line: 1 to 100 bytes of UTF-8 without `/`. No two peers have the same at
    /// a time. It was given by the hub or its program, never by a message.
    public let id: String
    /// Who the other program is, as the bus knows it; nil where the line was not introduced by a bus to this program.
    public let identity: Peer?
    /// Since when the hub has had the line.
    public let since: ContinuousClock.Instant
    /// Counted up by the hub, for every line anew.
    let serial: UInt64

    public var description: String { id }

    public static func == (a: HubPeer, b: HubPeer) -> Bool { a.serial == b.serial && a.id == b.id }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(serial)
        hasher.combine(id)
    }
}
