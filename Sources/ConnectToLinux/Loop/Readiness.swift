import CConnectToLinux

/// What a descriptor is ready for, or is watched for, as epoll(7) reports it.
package struct Readiness: OptionSet, Sendable {
    package let rawValue: UInt32

    @inlinable
    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// In place of the standard library's, which is not specialized across modules and takes thousands of instructions.
    @inlinable
    package init(arrayLiteral elements: Readiness...) {
        rawValue = elements.reduce(0) { $0 | $1.rawValue }
    }

    package static let read = Readiness(rawValue: CLINUX_IN)
    package static let write = Readiness(rawValue: CLINUX_OUT)
    /// The other side will write no more (EPOLLRDHUP).
    package static let peerHangup = Readiness(rawValue: CLINUX_PEER_HANGUP)
    /// Both directions are shut down. epoll reports it even where it was not asked for.
    package static let hangup = Readiness(rawValue: CLINUX_HANGUP)
    /// epoll reports it even where it was not asked for. On the write end of a pipe: the read end is closed.
    package static let error = Readiness(rawValue: CLINUX_ERROR)
    /// Each of these means that no input will arrive any more. Input that has arrived may still be unread.
    package static let anyEnd: Readiness = [.peerHangup, .hangup, .error]
    package static let input: Readiness = [.read, .peerHangup, .hangup, .error]
    /// Edge-triggered: report each change once, and not for as long as the condition holds.
    package static let edge = Readiness(rawValue: CLINUX_EDGE)
}
