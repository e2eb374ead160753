import ConnectToLinux
import Glibc
import SystemPackage

/// Sockets with a path.
enum UnixSocket {
    /// A new socket at a path that must not exist yet.
    static func bound(to path: FilePath, type: __socket_type) throws(SystemError) -> Descriptor {
        let socket = Descriptor(
            adopting: try systemCall("socket") {
                Glibc.socket(AF_UNIX, Int32(type.rawValue | SOCK_CLOEXEC.rawValue), 0)
            })
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.string.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw SystemError(operation: "bind", errno: .fileNameTooLong)
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        try withUnsafeBytes(of: &address) { address throws(SystemError) in
            let start = address.assumingMemoryBound(to: sockaddr.self).baseAddress
            try systemCall("bind") { bind(socket.rawValue, start, socklen_t(address.count)) }
        }
        return socket
    }

    static func listen(on socket: Descriptor) throws(SystemError) {
        try systemCall("listen") { Glibc.listen(socket.rawValue, SOMAXCONN) }
    }
}
