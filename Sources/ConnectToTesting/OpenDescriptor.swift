import ConnectToLinux
import Glibc
import SystemPackage

/// A descriptor of a process, and what it refers to, as `/proc` reports it.
///
/// Two are equal if number and target are: kernel objects of one kind never share a target (`socket:[4711]`), so a
/// number that was closed and given out again is another value. Only the kinds that all show the same target, those
/// of event loops (`anon_inode:[eventpoll]` and the like), cannot be told apart.
public struct OpenDescriptor: Hashable, Sendable, CustomStringConvertible {
    /// The number in its process.
    public let number: Int32

    /// What the descriptor refers to: a path, `socket:[inode]`, `pipe:[inode]`, `/memfd:name (deleted)`,
    /// `anon_inode:[eventfd]`.
    public let target: String

    public var description: String { "\(number) → \(target)" }

    /// All descriptors of a process at this moment, except the one that this takes to read `/proc`.
    ///
    /// - Parameter processID: one of this user's processes; by default this one.
    /// - Throws: an error that names `opendir` and the reason, where the process is gone or not this user's.
    public static func all(of processID: Int32? = nil) throws -> Set<OpenDescriptor> {
        let directory = "/proc/\(processID ?? getpid())/fd"
        var found: Set<OpenDescriptor> = []
        for name in try fileNames(in: directory) {
            // A descriptor may have been closed since the directory was read.
            guard let number = Int32(name), let target = linkTarget("\(directory)/\(name)") else { continue }
            // The descriptor that reads this directory, here or in another call at the same time.
            if target == directory { continue }
            found.insert(OpenDescriptor(number: number, target: target))
        }
        return found
    }

    /// Whether the descriptor is of a kind that only event loops use here: a process keeps its loops (this library's,
    /// Dispatch's, those of other libraries) from their first use to its end.
    package var belongsToAnEventLoop: Bool {
        ["anon_inode:[eventpoll]", "anon_inode:[eventfd]", "anon_inode:[timerfd]"].contains(target)
    }
}
