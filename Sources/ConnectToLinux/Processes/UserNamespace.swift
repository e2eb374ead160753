import Glibc

/// The user namespace that this process is in: in a container that a user has started, users have other numbers inside
/// than outside.
package struct UserNamespace: Sendable, Equatable {
    /// The user that this process is, inside.
    package let user: UInt32
    /// The same user's number outside; nil where it has none there.
    package let outside: UInt32?

    /// What to do where somebody outside compares the two.
    package static let advice =
        "start the container with --userns=keep-id (podman), or be a user there that has the same number outside"

    /// Nil where this process's user has the same number outside, and where the kernel does not tell.
    package static var ofThisProcess: UserNamespace? {
        smallFile("/proc/self/uid_map", limit: 64 << 10).flatMap { UserNamespace(of: geteuid(), map: $0) }
    }

    /// - Parameter map: `/proc/PID/uid_map`: lines of the first number inside, the first outside, and how many.
    init?(of user: UInt32, map: [UInt8]) {
        var outside: UInt32?
        for line in map.split(separator: UInt8(ascii: "\n")) {
            let numbers = line.split(separator: UInt8(ascii: " "))
                .compactMap { UInt32(String(decoding: $0, as: UTF8.self)) }
            guard numbers.count == 3, user >= numbers[0], user - numbers[0] < numbers[2] else { continue }
            outside = UInt32(exactly: UInt64(numbers[1]) + UInt64(user - numbers[0]))
        }
        if outside == user { return nil }
        (self.user, self.outside) = (user, outside)
    }
}
