import Glibc

/// Who may connect, decided before the connect event.
enum Admission {
    /// The user that this process runs as, and nobody else.
    static func admits(_ peer: Peer) -> Bool {
        peer.uid == geteuid()
    }
}
