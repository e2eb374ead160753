import ConnectToLinux
import ConnectToTesting
import Glibc
import SystemPackage

/// A listening socket that is no bus: it says the same to everybody, or nothing, and hangs up or does not.
///
/// Who connects is taken by a thread of its own until this is let go.
final class FakeBus: Sendable {
    let address: String
    private let listening: Descriptor

    init(in directory: FilePath, saying greeting: [UInt8], hangingUp: Bool) throws {
        let path = directory.appending("socket").string
        address = "unix:path=\(path)"
        let listening = Descriptor(
            adopting: try systemCall("socket") {
                socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            })
        self.listening = listening
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
        try systemCall("bind") {
            withUnsafePointer(to: name) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(listening.rawValue, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
        }
        try systemCall("listen") { listen(listening.rawValue, 16) }
        try startDetachedThread(named: "fake-bus") {
            var taken: [Descriptor] = []
            while let client = try? systemCall("accept", { accept(listening.rawValue, nil, nil) }) {
                let client = Descriptor(adopting: client)
                _ = greeting.withUnsafeBytes {
                    send(client.rawValue, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                if !hangingUp { taken.append(client) }
            }
            taken.removeAll()
        }
    }

    deinit {
        // Wakes the thread, which lets go of everything.
        shutdown(listening.rawValue, Int32(SHUT_RDWR))
    }
}
