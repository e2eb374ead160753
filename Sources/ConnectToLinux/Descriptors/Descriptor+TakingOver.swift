import Glibc

extension Descriptor {
    /// Takes over a descriptor that this process was started with, or got from other code; it is closed on exec from
    /// here on.
    ///
    /// A standard descriptor (0 to 2) is moved to another number, and `/dev/null` takes its place: otherwise the next
    /// file that the process opens after it is closed would become its standard input or output.
    /// - Throws: ``SystemError``; then the descriptor is as it was, and the caller's.
    package static func takeOver(_ number: Int32) throws(SystemError) -> Descriptor {
        if number > STDERR_FILENO {
            try systemCall("fcntl") { fcntl(number, F_SETFD, FD_CLOEXEC) }
            return Descriptor(adopting: number, from: .peer)
        }
        let moved = Descriptor(
            adopting: try systemCall("fcntl") { fcntl(number, F_DUPFD_CLOEXEC, STDERR_FILENO + 1) }, from: .peer)
        let null = Descriptor(adopting: try systemCall("open") { open("/dev/null", O_RDWR | O_CLOEXEC) })
        try systemCall("dup2") { dup2(null.rawValue, number) }
        return moved
    }
}
