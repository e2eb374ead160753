import CConnectToLinux
import ConnectTo
import ConnectToLinux
import Glibc

/// The socket of a stream whose bytes other processes carry.
struct RawSocket: Sendable {
    let descriptor: Descriptor

    /// Takes the stream's socket.
    init(_ stream: ByteStream) throws(PortError) {
        // Closing a socket in which a peer has left descriptors can block: not on the loop.
        descriptor = Descriptor(adopting: try stream.takeFileDescriptor(), from: .peer)
    }

    /// Ends both directions for every process that has a copy of the socket.
    func shutdown() {
        Glibc.shutdown(descriptor.rawValue, Int32(SHUT_RDWR))
    }

    /// Discards input that has arrived and was not read. If it were left unread when the socket is closed, the other
    /// side would see a reset in place of end of file. To be called after ``shutdown()``, when no more can arrive.
    func discardInput() {
        withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 16) { buffer in
            withUnsafeTemporaryAllocation(of: Int32.self, capacity: Int(CLINUX_MAX_DESCRIPTORS)) { numbers in
                var control = clinux_control()
                while clinux_receive(
                    descriptor.rawValue, buffer.baseAddress, buffer.count, numbers.baseAddress, &control) > 0
                {
                    for number in numbers.prefix(control.descriptorCount) {
                        _ = Descriptor(adopting: number, from: .peer)
                    }
                }
            }
        }
    }
}
