import CConnectToLinux
import Glibc

/// Writes to a socket that somebody else owns, without waiting.
/// - Returns: how many bytes the kernel took; nil if it took nothing, for whatever reason. Whoever uses the socket next
///   meets that again, unless it was a passing one.
package func sendAtOnce(_ bytes: [UInt8], descriptors: [Descriptor], on socket: Int32) -> Int? {
    let sent = bytes.withUnsafeBytes { buffer in
        var part = clinux_piece(start: buffer.baseAddress, count: buffer.count)
        return withExtendedLifetime(descriptors) {
            clinux_send(socket, &part, 1, descriptors.map(\.rawValue), descriptors.count)
        }
    }
    return sent > 0 ? sent : nil
}
