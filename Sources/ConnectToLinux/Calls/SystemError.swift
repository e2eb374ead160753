package import SystemPackage

/// A system call failed in a way that its caller does not expect.
///
/// Expected outcomes (would block, peer gone) are return values or cases of their own.
package struct SystemError: Error, Equatable, CustomStringConvertible {
    /// The call, by the name of its manual page: `sendmsg`, `epoll_ctl`.
    package let operation: String
    package let errno: Errno

    package init(operation: String, errno: Errno) {
        self.operation = operation
        self.errno = errno
    }

    package var description: String { "\(operation): \(errno)" }
}
