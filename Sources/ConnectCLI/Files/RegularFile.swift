import ConnectToLinux
import Glibc

/// A regular file that a peer has passed, as it was when it came.
struct RegularFile {
    let descriptor: Int32
    /// In bytes.
    let size: Int
    /// Who may do what, without setuid, setgid and sticky: those are the sender's to give for its own file alone.
    let permissions: mode_t

    /// Nil for what is no regular file. Blocks for as long as the peer's file system likes.
    init?(_ descriptor: Int32) throws(SystemError) {
        var status = stat()
        try systemCall("fstat") { fstat(descriptor, &status) }
        guard status.st_mode & S_IFMT == S_IFREG else { return nil }
        self.descriptor = descriptor
        size = Int(status.st_size)
        permissions = status.st_mode & 0o777
    }
}
