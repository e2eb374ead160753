import ConnectToLinux
import Glibc
import SystemPackage

/// An open file and what it is, whatever name it has by now.
struct OpenFile: Sendable {
    let descriptor: Descriptor
    let status: stat

    init(_ descriptor: Descriptor) throws(SystemError) {
        self.descriptor = descriptor
        var status = stat()
        try systemCall("fstat") { fstat(descriptor.rawValue, &status) }
        self.status = status
    }

    /// Opens a file that is new or not. Never waits, as opening a pipe would.
    init(at path: String, creating flags: Int32, permissions: mode_t) throws(SystemError) {
        let number = try systemCall("open") {
            open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags, permissions)
        }
        try self.init(Descriptor(adopting: number))
    }

    var isRegular: Bool { status.st_mode & S_IFMT == S_IFREG }

    /// Whether a path leads to this file.
    func isAt(_ path: String) -> Bool {
        var now = stat()
        return stat(path, &now) == 0 && now.st_dev == status.st_dev && now.st_ino == status.st_ino
    }

    /// Locks the file for this program, until the last copy of the descriptor is closed.
    ///
    /// - Returns: whether it could: no if another one has it.
    func lock() throws(SystemError) -> Bool {
        try systemCallUnlessBlocked("flock") { flock(descriptor.rawValue, LOCK_EX | LOCK_NB) } != nil
    }

    /// All bytes from an offset on.
    func read(from start: Int = 0) throws(SystemError) -> [UInt8] {
        var status = stat()
        try systemCall("fstat") { fstat(descriptor.rawValue, &status) }
        var bytes = [UInt8](repeating: 0, count: max(0, Int(status.st_size) - start))
        var count = 0
        while count < bytes.count {
            let more = try bytes.withUnsafeMutableBufferPointer { buffer throws(SystemError) in
                let rest = UnsafeMutableBufferPointer(rebasing: buffer[count...])
                return try systemCall("pread") {
                    pread(descriptor.rawValue, rest.baseAddress, rest.count, off_t(start + count))
                }
            }
            if more == 0 { break }
            count += more
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }

    /// Writes all bytes at an offset, with one call unless the kernel takes less at a time.
    func write(_ bytes: [UInt8], at start: Int) throws(SystemError) {
        var count = 0
        while count < bytes.count {
            count += try bytes.withUnsafeBufferPointer { buffer throws(SystemError) in
                let rest = UnsafeBufferPointer(rebasing: buffer[count...])
                return try systemCall("pwrite") {
                    pwrite(descriptor.rawValue, rest.baseAddress, rest.count, off_t(start + count))
                }
            }
        }
    }

    func cut(at end: Int) throws(SystemError) {
        try systemCall("ftruncate") { ftruncate(descriptor.rawValue, off_t(end)) }
    }

    /// Waits until the disk has the content.
    func synchronize() throws(SystemError) {
        try systemCall("fsync") { fsync(descriptor.rawValue) }
    }
}

/// Waits until the disk has the names in a directory.
func synchronizeDirectory(of path: String) throws(SystemError) {
    let directory = Descriptor(
        adopting: try systemCall("open") { open(parent(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC) })
    try systemCall("fsync") { fsync(directory.rawValue) }
}

/// The directory of a path.
func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
}

/// The path without symbolic links, so that it means the same when the working directory changes, and a link is not
/// replaced by a file; as it is where something on the way is not there.
func withoutLinks(_ path: String) -> String {
    func resolved(_ path: String) -> String? {
        guard let result = realpath(path, nil) else { return nil }
        defer { free(result) }
        return String(validatingCString: result)
    }
    if let whole = resolved(path) { return whole }
    guard let directory = resolved(parent(of: path)) else { return path }
    let name = path[(path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex)...]
    return directory == "/" ? "/\(name)" : "\(directory)/\(name)"
}
