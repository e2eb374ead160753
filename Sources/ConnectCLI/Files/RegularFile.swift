import ConnectToLinux
import Glibc

/// A regular file that a peer has passed, as it was on arrival.
struct RegularFile {
    let descriptor: Int32
    /// In bytes.
    let size: Int
    /// The permission bits, without setuid, setgid and sticky: the sender may set those on its own file only.
    let permissions: mode_t

    /// Nil if the file is not a regular one. Blocks for as long as the peer's file system likes.
    init?(_ descriptor: Int32) throws(SystemError) {
        var status = stat()
        try systemCall("fstat") { fstat(descriptor, &status) }
        guard status.st_mode & S_IFMT == S_IFREG else { return nil }
        self.descriptor = descriptor
        size = Int(status.st_size)
        permissions = status.st_mode & 0o777
    }
}
