import Glibc
import Ports

/// Who may connect, decided before the connect event.
enum Admission {
    /// The user that this process runs as, and nobody else.
    static func admits(_ peer: Peer) -> Bool {
        peer.uid == geteuid()
    }

    /// What a caller is told that asks for a line of the other format.
    static func mismatch(_ format: LineFormat) -> String {
        switch format {
        case .messages: "lines to it carry messages, and this one was to be a stream"
        case .stream: "lines to it are streams of bytes, and this one was to carry messages"
        }
    }
}
