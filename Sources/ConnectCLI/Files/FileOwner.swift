import ConnectTo

/// Whose file it is, for sharing out what files take.
struct FileOwner: Hashable, Sendable {
    let user: UInt32?
    /// The process, or where the bus tells none, the connection.
    let process: String

    init(user: UInt32?, process: String) {
        self.user = user
        self.process = process
    }

    /// Where there is but one peer.
    static let onlyPeer = FileOwner(user: nil, process: "")

    init(_ peer: Peer) {
        self.init(user: peer.uid, process: peer.pid.map { "\($0)" } ?? peer.busName)
    }
}
