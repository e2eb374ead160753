import Glibc

/// How the user namespace of this process maps its user: in a rootless container a user has one uid inside and another
/// outside.
public struct UserNamespace: Sendable, Equatable {
    /// The effective uid of this process inside the namespace.
    package let user: UInt32
    /// The same user's uid outside; nil where the namespace maps the user to none.
    package let outside: UInt32?

    /// What to do where a program outside of the namespace, such as the bus, compares the two uids.
    public static let advice =
        "start the container with --userns=keep-id (podman), or run there as a user that has the same uid outside"

    /// Nil where this process's user has the same uid outside, and where the kernel does not tell.
    package static var ofThisProcess: UserNamespace? {
        smallFile("/proc/self/uid_map", limit: 64 << 10).flatMap { UserNamespace(of: geteuid(), map: $0) }
    }

    /// - Parameter map: `/proc/PID/uid_map`. Each text line has the first uid inside, the first outside, and the count.
    init?(of user: UInt32, map: [UInt8]) {
        var outside: UInt32?
        for textLine in map.split(separator: UInt8(ascii: "\n")) {
            let numbers = textLine.split(separator: UInt8(ascii: " "))
                .compactMap { UInt32(String(decoding: $0, as: UTF8.self)) }
            guard numbers.count == 3, user >= numbers[0], user - numbers[0] < numbers[2] else { continue }
            outside = UInt32(exactly: UInt64(numbers[1]) + UInt64(user - numbers[0]))
        }
        if outside == user { return nil }
        (self.user, self.outside) = (user, outside)
    }
}
