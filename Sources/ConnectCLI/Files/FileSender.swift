import ConnectTo

/// The peer that a file comes from; each peer and each user gets a share of the threads for files.
struct FileSender: Hashable, Sendable {
    let user: UInt32?
    /// The process's number, or the connection's name if the bus does not know the process.
    let process: String

    init(user: UInt32?, process: String) {
        self.user = user
        self.process = process
    }

    /// The sender for a program that has only one peer.
    static let onlyPeer = FileSender(user: nil, process: "")

    init(_ peer: Peer) {
        self.init(user: peer.uid, process: peer.pid.map { "\($0)" } ?? peer.busName)
    }
}
