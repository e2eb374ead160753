import CConnectToLinux
import Glibc
import SystemPackage

/// The command name of a process: `/proc/PID/comm`, at most 15 bytes; nil where the file cannot be read.
package func processName(of pid: Int32) -> String? {
    processFile("comm", of: pid, limit: 64).map { bytes in
        String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }
}

/// The absolute path of the program that a process runs; nil where the kernel does not tell it, as for other users'
/// processes. Where the file has been replaced or removed since, the path ends with ` (deleted)`.
package func executable(of pid: Int32) -> String? { linkTarget("/proc/\(pid)/exe") }

/// The first bytes of a file in `/proc/PID`, at most `limit`; nil where the file cannot be read.
package func processFile(_ name: String, of pid: Int32, limit: Int) -> [UInt8]? {
    smallFile("/proc/\(pid)/\(name)", limit: limit)
}

/// The first bytes of a file that the kernel provides, at most `limit`; nil where the file cannot be read.
package func smallFile(_ path: String, limit: Int) -> [UInt8]? {
    guard let number = try? systemCall("open", { open(path, O_RDONLY | O_CLOEXEC) }) else { return nil }
    return beginning(of: Descriptor(adopting: number), limit: limit)
}

/// Whether `/proc` belongs to this process's pid namespace. It may belong to another one, and it may not be mounted.
package var processFilesAreOurs: Bool { linkTarget("/proc/self") == "\(getpid())" }

/// The process id, in our pid namespace, of the process at the other end of a socket: at a client's end, the process
/// that called listen(2). 0 where that process has no id in our namespace, or the kernel does not tell it.
package func processAtOtherEnd(of socket: Int32) -> Int32 {
    max(0, (try? systemCall("getsockopt") { clinux_process_at_other_end(socket) }) ?? 0)
}

/// The result of reading a file in another process's root directory, which may differ from ours.
package enum RootFile: Equatable, Sendable {
    case contents([UInt8])
    /// No file has that name.
    case absent
    /// Unknown: this process may not look there, the other process has ended, or the file is not a regular file or is
    /// larger than the limit.
    case unreadable
}

/// Reads a file in the root directory of a process.
///
/// Not to be called on the loop: the file system may be one that the other process itself serves (FUSE), and then
/// reading can block for as long as that process likes.
package func rootFile(_ name: String, of pid: Int32, limit: Int) -> RootFile {
    var hasRoot: Int32 = 0
    let number: Int32
    do throws(SystemError) {
        number = try systemCall("openat") { clinux_open_in_root(pid, name, &hasRoot) }
    } catch {
        return hasRoot != 0 && error.errno == .noSuchFileOrDirectory ? .absent : .unreadable
    }
    // Origin `peer`, because closing the file can block as reading it can.
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
