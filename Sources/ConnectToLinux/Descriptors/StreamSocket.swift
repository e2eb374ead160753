package import CConnectToLinux
import Glibc
import SystemPackage

/// What counts for as long as a socket is open. Other code that counts open sockets makes one for each, and sees it
/// released with the socket.
package protocol SocketLease: AnyObject, Sendable {}

/// One end of a connected AF_UNIX stream socket. No call blocks.
///
/// Every call passes MSG_DONTWAIT rather than relying on O_NONBLOCK: that flag belongs to the open file description,
/// which the peer may share and change.
package struct StreamSocket: Sendable {
    package let descriptor: Descriptor
    /// Released together with the socket.
    private let lease: (any SocketLease)?

    package init(_ descriptor: Descriptor, lease: (any SocketLease)? = nil) {
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

    /// Whether a descriptor that came from another process is a socket of the kind that a line needs.
    package static func isConnectedStream(_ descriptor: Descriptor) -> Bool {
        isConnectedStream(descriptor.rawValue)
    }

    /// The same of a number that need not be open.
    package static func isConnectedStream(_ number: Int32) -> Bool {
        clinux_is_connected_unix_stream(number) == 1
    }

    /// Marks a socket that a caller handed over as introduced to a listener, so that the two ends of one pair cannot
    /// both be introduced.
    ///
    /// The mark is an address that the kernel chooses (autobind). The other end of the pair can see it, in whatever
    /// process that end is; the ends of a fresh pair have no addresses. Where a security module forbids bind(2)
    /// (AppArmor can), no mark is set and none is found.
    /// - Returns: False if the other end has an address: a mark, or one that its owner gave it.
    package static func markAsIntroduced(_ descriptor: Descriptor) -> Bool {
        clinux_name_end(descriptor.rawValue)
        return clinux_other_end_is_named(descriptor.rawValue) == 0
    }

    // MARK: Sending

    package enum SendOutcome: Equatable {
        case sent(Int)
        case wouldBlock
        /// The user has too many descriptors in flight (ETOOMANYREFS). Try again later.
        case tooManyInFlight
        /// The other end was closed or shut down. Bytes that it sent before can still be read.
        case peerGone
        /// The other end accepts no descriptors: its process has switched SO_PASSRIGHTS off. Nothing was sent.
        case descriptorsRefused
    }

    /// Sends as many bytes as the kernel takes. The descriptors travel with the first byte: if any byte was sent, they
    /// were sent too.
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

    /// What is wrong with the control messages (cmsg) that came with the bytes.
    package enum ControlFault: Equatable, Sendable {
        /// The peer made the kernel deliver a control message that a line does not allow.
        case violation(String)
        /// The kernel could not install some of the descriptors: the process has no descriptor numbers left
        /// (RLIMIT_NOFILE), or a security module does not let it have them.
        case descriptorsLost
    }

    package enum ReceiveOutcome {
        case received(Received)
        case wouldBlock
        /// Nothing more will come: end of file, or a reset because the other end was closed with unread input. The
        /// kernel reports a reset once, and then the end.
        case ended(unread: Bool)
    }

    /// Receives the bytes that have arrived, at most as many as the buffer holds, and the descriptors that came with
    /// them.
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
            case .connectionReset: return .ended(unread: true)
            case .socketNotConnected, .brokenPipe: return .ended(unread: false)
            default: throw error
            }
        }
        guard let count else { return .wouldBlock }
        if count == 0 { return .ended(unread: false) }
        var received = Received(count: count, descriptors: descriptors)
        if control.unexpected != 0 {
            received.controlFault = .violation("a control message other than descriptors")
        } else if control.truncated != 0 {
            received.controlFault = .violation("more descriptors than one message may carry")
        } else if control.lost != 0 {
            received.controlFault = .descriptorsLost
        }
        return .received(received)
    }

    /// Discards input that has arrived and was not read. If it were left unread when the socket is closed, the other
    /// side would see a reset in place of end of file.
    ///
    /// To be called after ``shutdown()``, when no more input can arrive.
    package func discardInput() {
        withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 16) { buffer in
            while case .received? = try? receive(into: buffer) {}
        }
    }

    /// Whether descriptors come with the next byte; consumes neither. Nil where no byte has arrived.
    ///
    /// A peer that has a copy of this end can make the answer wrong, by setting SO_PEEK_OFF or by reading before us.
    package var descriptorsAreNext: Bool? {
        switch clinux_peek_descriptors(descriptor.rawValue) {
        case -1: nil
        case let answer: answer == 1
        }
    }

    /// Ends both directions for every process that holds a copy of either end.
    package func shutdown() {
        _ = clinux_shutdown(descriptor.rawValue)
        // Closing the socket can block only in closing descriptors that lie unread in it, and no more can arrive.
        descriptor.setClosingMayHang(clinux_bytes_ready(descriptor.rawValue) > 0)
    }
}
