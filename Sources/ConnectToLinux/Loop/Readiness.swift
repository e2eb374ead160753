import CConnectToLinux

/// What a descriptor is ready for, or is watched for.
package struct Readiness: OptionSet, Sendable {
    package let rawValue: UInt32

    @inlinable
    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// The standard library's own is not specialized across modules, and takes thousands of instructions.
    @inlinable
    package init(arrayLiteral elements: Readiness...) {
        rawValue = elements.reduce(0) { $0 | $1.rawValue }
    }

    package static let read = Readiness(rawValue: CLINUX_IN)
    package static let write = Readiness(rawValue: CLINUX_OUT)
    /// The other side will write no more.
    package static let peerHangup = Readiness(rawValue: CLINUX_PEER_HANGUP)
    /// Both directions are over. Reported whether asked for or not.
    package static let hangup = Readiness(rawValue: CLINUX_HANGUP)
    /// Reported whether asked for or not; on a pipe's writing end it means that its reader is gone.
    package static let error = Readiness(rawValue: CLINUX_ERROR)
    /// What means that nothing more will come; there may be input before that.
    package static let anyEnd: Readiness = [.peerHangup, .hangup, .error]
    package static let input: Readiness = [.read, .peerHangup, .hangup, .error]
    /// Tell once for each change, not for as long as it holds.
    package static let edge = Readiness(rawValue: CLINUX_EDGE)
}
