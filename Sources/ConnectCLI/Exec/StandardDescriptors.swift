import Glibc

/// Descriptors 0–2, as whoever started us left them.
enum StandardDescriptors {
    /// Opens those that are closed on /dev/null. Otherwise the next thing opened, a bus connection say,
    /// would become standard output. A standard output that was closed cannot be written: what it should have got is
    /// missed by whoever closed it, and is a failure as with other commands.
    ///
    /// To be called before anything else is opened.
    static func openClosed() {
        for descriptor: Int32 in 0...2 where fcntl(descriptor, F_GETFD) < 0 {
            // The lowest free number is this one.
            _ = open("/dev/null", descriptor == 1 ? O_RDONLY : O_RDWR)
        }
    }
}
