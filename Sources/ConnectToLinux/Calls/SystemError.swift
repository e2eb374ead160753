package import SystemPackage

/// A system call failed in a way its caller did not plan for.
///
/// Outcomes that a caller plans for (would block, peer gone) are values or cases of their own; what
/// arrives here names the call and the reason the kernel gave.
package struct SystemError: Error, Equatable, CustomStringConvertible {
    /// The call, as its manual page is named: `sendmsg`, `epoll_ctl`.
    package let operation: String
    package let errno: Errno

    package init(operation: String, errno: Errno) {
        self.operation = operation
        self.errno = errno
    }

    package var description: String { "\(operation): \(errno)" }
}
