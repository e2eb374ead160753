import CConnectToLinux
import Glibc
import SystemPackage

/// What a process calls itself: `/proc/PID/comm`, up to 15 bytes; nil where it cannot be read.
package func processName(of pid: Int32) -> String? {
    processFile("comm", of: pid, limit: 64).map { bytes in
        String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }
}

/// The program that a process runs, as an absolute path; nil where the kernel does not tell, as of other users'
/// processes. Of a file that has been replaced or removed since, the path ends with ` (deleted)`.
package func executable(of pid: Int32) -> String? { linkTarget("/proc/\(pid)/exe") }

/// A small file of `/proc/PID`, up to the limit in bytes; nil where it cannot be read.
package func processFile(_ name: String, of pid: Int32, limit: Int) -> [UInt8]? {
    smallFile("/proc/\(pid)/\(name)", limit: limit)
}

/// A small file of the kernel's, up to the limit in bytes; nil where it cannot be read.
package func smallFile(_ path: String, limit: Int) -> [UInt8]? {
    guard let number = try? systemCall("open", { open(path, O_RDONLY | O_CLOEXEC) }) else { return nil }
    return beginning(of: Descriptor(adopting: number), limit: limit)
}

/// Whether `/proc` numbers processes as this process's own pid namespace does: it may be another one's, and it may not
/// be there.
package var processFilesAreOurs: Bool { linkTarget("/proc/self") == "\(getpid())" }

/// The process at the other end of a socket, the one that listened there, by its number in our pid namespace; 0 where
/// it has none there, or it cannot be told.
package func processAtOtherEnd(of socket: Int32) -> Int32 {
    max(0, (try? systemCall("getsockopt") { clinux_process_at_other_end(socket) }) ?? 0)
}

/// A file in the root directory that a process sees, which may be another than ours.
package enum RootFile: Equatable, Sendable {
    case contents([UInt8])
    /// There is none of that name.
    case absent
    /// It cannot be told: we may not look there, the process has gone, or what is there is no plain file or is
    /// too large.
    case unreadable
}

/// Possibly waits for a file system that the process itself has made: not to be called on a loop.
package func rootFile(_ name: String, of pid: Int32, limit: Int) -> RootFile {
    var hasRoot: Int32 = 0
    let number: Int32
    do throws(SystemError) {
        number = try systemCall("openat") { clinux_open_in_root(pid, name, &hasRoot) }
    } catch {
        return hasRoot != 0 && error.errno == .noSuchFileOrDirectory ? .absent : .unreadable
    }
    // From a peer: closing it may take as long as opening it.
    let file = Descriptor(adopting: number, from: .peer)
    var facts = stat()
    guard fstat(file.rawValue, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG, facts.st_size <= limit,
        let bytes = beginning(of: file, limit: limit + 1), bytes.count <= limit
    else { return .unreadable }
    return .contents(bytes)
}

private func beginning(of file: Descriptor, limit: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: limit)
    var filled = 0
    while filled < limit {
        let count = try? bytes.withUnsafeMutableBytes { buffer throws(SystemError) in
            try systemCall("read") {
                read(file.rawValue, buffer.baseAddress?.advanced(by: filled), limit - filled)
            }
        }
        guard let count else { return nil }
        if count == 0 { break }
        filled += count
    }
    return Array(bytes.prefix(filled))
}
