public import SystemPackage

/// A system call failed in a way that its caller does not expect.
///
/// Expected outcomes (would block, peer gone) are return values or cases of their own.
public struct SystemError: Error, Equatable, CustomStringConvertible {
    /// The call, by the name of its manual page: `sendmsg`, `epoll_ctl`.
    public let operation: String
    public let errno: Errno

    public init(operation: String, errno: Errno) {
        self.operation = operation
        self.errno = errno
    }

    public var description: String { "\(operation): \(errno)" }
}
