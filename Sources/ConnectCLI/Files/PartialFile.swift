import CConnectToLinux
import ConnectToLinux
import Glibc
import SystemPackage

/// A new file that is not whole yet: it has no name, so that nothing is left of it however this process ends.
///
/// Where there are no such files (on some file systems, or without /proc) it has a name that nobody can guess.
final class PartialFile: Sendable {
    let descriptor: Descriptor
    private let directory: Descriptor
    /// Nil while it has none, and once it has the final one.
    private let name: Lock<[CChar]?>

    /// - Parameter permissions: those that it gets, but what the umask forbids.
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

    /// Gives it its final name.
    /// - Throws: ``SystemError`` EEXIST where that is taken, and is not to be overwritten.
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
            // A link replaces nothing; to rename does, and takes a name for a moment.
            let name = try Self.underNewName { name throws(SystemError) in try link(name) }.name
            self.name.withLock { $0 = name }
            try publish(as: final, overwriting: true)
        }
    }

    /// Takes it away, unless it has its final name. From any thread.
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

    /// Tries names by chance until one is not taken.
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
