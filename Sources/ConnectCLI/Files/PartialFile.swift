import CConnectToLinux
import ConnectToLinux
import Glibc
import SystemPackage

/// A new file that is not complete yet. It has no name, so nothing is left of it however this process ends.
///
/// Where a file must have a name (on some file systems, or without /proc), it gets a random one that cannot be guessed.
/// mkstemp(3) takes neither a directory's descriptor nor permissions.
final class PartialFile: Sendable {
    let descriptor: Descriptor
    private let directory: Descriptor
    /// The temporary name; nil if the file has no name, or already has the final one.
    private let name: Lock<[CChar]?>

    /// - Parameter permissions: the permissions of the new file, which the umask still restricts.
    init(in directory: Descriptor, permissions: mode_t, nameless: Bool) throws(SystemError) {
        self.directory = directory
        let flags = O_WRONLY | O_CLOEXEC
        if nameless {
            let number = openat(directory.rawValue, ".", flags | CLINUX_O_TMPFILE, permissions)
            if number >= 0 {
                descriptor = Descriptor(adopting: number)
                name = Lock(nil)
                return
            }
        }
        let (number, name) = try Self.underNewName { name throws(SystemError) in
            try systemCall("openat") {
                openat(directory.rawValue, name, flags | O_CREAT | O_EXCL | O_NOFOLLOW, permissions)
            }
        }
        descriptor = Descriptor(adopting: number)
        self.name = Lock(name)
    }

    deinit { remove() }

    /// Gives the file its final name.
    /// - Throws: ``SystemError`` EEXIST if the name is taken and must not be overwritten.
    func publish(as final: [CChar], overwriting: Bool) throws(SystemError) {
        if let name = name.withLock({ $0 }) {
            try systemCall("rename") { clinux_rename_in(directory.rawValue, name, final, overwriting ? 1 : 0) }
            self.name.withLock { $0 = nil }
            return
        }
        do throws(SystemError) {
            try link(final)
        } catch {
            guard overwriting, error.errno == .fileExists else { throw error }
            // linkat never replaces a file and rename does, so the file gets a temporary name first.
            let name = try Self.underNewName { name throws(SystemError) in try link(name) }.name
            self.name.withLock { $0 = name }
            try publish(as: final, overwriting: true)
        }
    }

    /// Removes the file, unless it has its final name. From any thread.
    func remove() {
        let name = name.withLock { name in
            defer { name = nil }
            return name
        }
        if let name { unlinkat(directory.rawValue, name, 0) }
    }

    private func link(_ name: [CChar]) throws(SystemError) {
        try systemCall("linkat") {
            linkat(AT_FDCWD, "/proc/self/fd/\(descriptor.rawValue)", directory.rawValue, name, AT_SYMLINK_FOLLOW)
        }
    }

    /// Tries random names until one is free.
    private static func underNewName<Result>(
        _ make: ([CChar]) throws(SystemError) -> Result
    ) throws(SystemError) -> (Result, name: [CChar]) {
        var attempts = 0
        while true {
            let number = String(UInt64.random(in: .min ... .max), radix: 36)
            let name = ".connect-\(number).part".utf8.cString
            do throws(SystemError) {
                return (try make(name), name)
            } catch {
                attempts += 1
                if error.errno != .fileExists || attempts == 100 { throw error }
            }
        }
    }
}
