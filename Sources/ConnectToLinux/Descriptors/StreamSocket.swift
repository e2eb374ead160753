package import CConnectToLinux
import Glibc
import SystemPackage

/// One end of a connected AF_UNIX stream, never waiting and never trusting its flags.
///
/// O_NONBLOCK lives on the open file, which the other side may share; so every call carries
/// MSG_DONTWAIT instead.
package struct StreamSocket: Sendable {
    package let descriptor: Descriptor
    /// Let go together with the socket: for whoever counts it.
    private let lease: (any AnyObject & Sendable)?

    package init(_ descriptor: Descriptor, lease: (any AnyObject & Sendable)? = nil) {
        self.descriptor = descriptor
        self.lease = lease
    }

    /// Two connected ends, both closed on exec.
    package static func pair() throws(SystemError) -> (StreamSocket, StreamSocket) {
        var ends: (Int32, Int32) = (-1, -1)
        try withUnsafeMutableBytes(of: &ends) { bytes throws(SystemError) in
            let pair = bytes.assumingMemoryBound(to: Int32.self).baseAddress
            try systemCall("socketpair") { clinux_socketpair(pair) }
        }
        return (
            StreamSocket(Descriptor(adopting: ends.0)), StreamSocket(Descriptor(adopting: ends.1))
        )
    }

    /// Whether a descriptor that somebody handed us is what a line needs.
    package static func isConnectedStream(_ descriptor: Descriptor) -> Bool {
        clinux_is_connected_unix_stream(descriptor.rawValue) == 1
    }

    /// Marks an end that somebody handed us as given to a listener, and says whether the other one may be elsewhere:
    /// false where it has such a mark, or another name.
    ///
    /// The mark is an address that the kernel chooses, which the other end can see, in whatever process it is. The ends
    /// of a pair have none of their own. Where something forbids it (AppArmor can) there is no mark, and nothing is seen.
    package static func markAsIntroduced(_ descriptor: Descriptor) -> Bool {
        clinux_name_end(descriptor.rawValue)
        return clinux_other_end_is_named(descriptor.rawValue) == 0
    }

    // MARK: Sending

    package enum SendOutcome: Equatable {
        case sent(Int)
        case wouldBlock
        /// The kernel has no room for more descriptors in flight just now.
        case tooManyInFlight
        /// The other end is gone or was shut down; what it sent before can still be read.
        case peerGone
        /// The other end takes no descriptors: it has switched SO_PASSRIGHTS off. Nothing was sent.
        case descriptorsRefused
    }

    /// Sends what the kernel takes. Descriptors ride on the first byte, so they have gone if any byte has.
    package func send(
        _ parts: UnsafeBufferPointer<clinux_piece>, descriptors: [Int32] = []
    ) throws(SystemError) -> SendOutcome {
        do throws(SystemError) {
            let sent = try systemCallUnlessBlocked("sendmsg") {
                clinux_send(
                    descriptor.rawValue, parts.baseAddress, parts.count, descriptors, descriptors.count)
            }
            return sent.map(SendOutcome.sent) ?? .wouldBlock
        } catch {
            switch error.errno {
            case .brokenPipe, .connectionReset, .socketNotConnected: return .peerGone
            case .tooManyReferences: return .tooManyInFlight
            case .notPermitted where !descriptors.isEmpty: return .descriptorsRefused
            default: throw error
            }
        }
    }

    // MARK: Receiving

    package struct Received {
        package var count: Int
        package var descriptors: [Descriptor]
        package var controlFault: ControlFault?
    }

    /// What is wrong with what came beside the bytes.
    package enum ControlFault: Equatable, Sendable {
        /// The peer made the kernel send something it must not.
        case violation(String)
        /// The kernel had descriptors for us that it could not give us: the process has no numbers left
        /// (RLIMIT_NOFILE), or may not have what was passed.
        case descriptorsLost
    }

    package enum ReceiveOutcome {
        case received(Received)
        case wouldBlock
        /// Nothing more will come: end of file, or a reset after what was unread on the other side.
        case ended
    }

    /// Takes what has arrived, up to the buffer's size.
    package func receive(into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) -> ReceiveOutcome {
        var control = clinux_control()
        var descriptors: [Descriptor] = []
        let count: Int?
        do throws(SystemError) {
            count = try withUnsafeTemporaryAllocation(
                of: Int32.self, capacity: Int(CLINUX_MAX_DESCRIPTORS)
            ) { numbers throws(SystemError) -> Int? in
                let count = try systemCallUnlessBlocked("recvmsg") {
                    clinux_receive(
                        descriptor.rawValue, buffer.baseAddress, buffer.count, numbers.baseAddress, &control)
                }
                if control.descriptorCount > 0 {
                    descriptors = numbers.prefix(control.descriptorCount).map {
                        Descriptor(adopting: $0, from: .peer)
                    }
                }
                return count
            }
        } catch {
            switch error.errno {
            case .connectionReset, .socketNotConnected, .brokenPipe: return .ended
            default: throw error
            }
        }
        guard let count else { return .wouldBlock }
        if count == 0 { return .ended }
        var received = Received(count: count, descriptors: descriptors)
        if control.foreign != 0 {
            received.controlFault = .violation("a control message other than descriptors")
        } else if control.truncated != 0 {
            received.controlFault = .violation("more descriptors than one message may carry")
        } else if control.lost != 0 {
            received.controlFault = .descriptorsLost
        }
        return .received(received)
    }

    /// Drops what has arrived and was not read: the other side would see a reset for it in place of an end.
    ///
    /// To be called after ``shutdown()``: then no more can come.
    package func discardInput() {
        withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 16) { buffer in
            while case .received? = try? receive(into: buffer) {}
        }
    }

    /// Whether descriptors ride on the next byte; takes neither. Nil where there is no byte yet.
    ///
    /// A peer that has a copy of this end can make it untrue: by SO_PEEK_OFF, or by reading before us.
    package var descriptorsAreNext: Bool? {
        switch clinux_look_ahead(descriptor.rawValue) {
        case -1: nil
        case let answer: answer == 1
        }
    }

    /// Ends both directions for whoever holds either end, whatever copies exist.
    package func shutdown() {
        _ = clinux_shutdown(descriptor.rawValue)
        // What hangs, if anything does, is closing descriptors that are in it, unread. No more can come.
        descriptor.setClosingMayHang(clinux_bytes_ready(descriptor.rawValue) > 0)
    }
}
