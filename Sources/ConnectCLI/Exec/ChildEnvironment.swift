import ConnectTo
import ConnectToLinux

/// The environment of a command: this process's, byte for byte, with the variables that say what the command is run
/// for.
struct ChildEnvironment {
    private var own: [String: String]

    /// - Parameter name: the name that the peer has called.
    init(name: String, peer: Peer?) {
        own = [
            "CONNECT_NAME": name,
            "CONNECT_PEER_PID": peer?.pid.map { String($0) } ?? "",
            "CONNECT_PEER_UID": peer?.uid.map { String($0) } ?? "",
        ]
    }

    /// A variable of the command.
    subscript(_ variable: String) -> String? {
        get { own[variable] }
        set { own[variable] = newValue }
    }

    /// As the kernel takes it. A value with a NUL in it is left out.
    var entries: [[UInt8]] { environmentEntries(changing: own) }
}
