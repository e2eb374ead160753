import Glibc

/// Descriptors 0–2, as the parent process left them.
enum StandardDescriptors {
    /// Opens closed ones on /dev/null. Otherwise the next descriptor opened, for example a bus connection, would become
    /// standard output. A closed standard output is opened for reading only: output that it should have got then fails
    /// to be written, as with other commands.
    ///
    /// Call this before anything else is opened.
    static func openClosed() {
        for descriptor: Int32 in 0...2 where fcntl(descriptor, F_GETFD) < 0 {
            // open returns the lowest free number, which is this one.
            _ = open("/dev/null", descriptor == 1 ? O_RDONLY : O_RDWR)
        }
    }
}
