import CConnectToLinux
import Glibc

/// Writes to a socket that other code owns (libdbus), without waiting.
/// - Returns: How many bytes the kernel took; nil if it took none, whatever the error: the owner of the socket meets a
///   lasting error again at its next write.
package func sendAtOnce(_ bytes: [UInt8], descriptors: [Descriptor], on socket: Int32) -> Int? {
    let sent = bytes.withUnsafeBytes { buffer in
        var part = clinux_piece(start: buffer.baseAddress, count: buffer.count)
        return withExtendedLifetime(descriptors) {
            clinux_send(socket, &part, 1, descriptors.map(\.rawValue), descriptors.count)
        }
    }
    return sent > 0 ? sent : nil
}
