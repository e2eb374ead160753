import ConnectTo
import Glibc

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
    var entries: [[UInt8]] {
        Self.inherited.filter { entry in
            guard let end = entry.firstIndex(of: UInt8(ascii: "=")) else { return true }
            return own[String(decoding: entry[..<end], as: UTF8.self)] == nil
        } + own.filter { !$0.value.utf8.contains(0) }.map { Array("\($0.key)=\($0.value)".utf8) }
    }

    /// `ProcessInfo` would repair entries that are not UTF-8.
    private static var inherited: [[UInt8]] {
        var entries: [[UInt8]] = []
        var next = environ
        while let entry = next.pointee {
            entries.append(Array(UnsafeRawBufferPointer(start: entry, count: strlen(entry))))
            next += 1
        }
        return entries
    }
}
