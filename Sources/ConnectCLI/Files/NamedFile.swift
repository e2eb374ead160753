import ConnectTo
import ConnectToLinux
import Glibc

/// A file that `--file` names. It is passed as an open file, with its base name.
struct NamedFile: Sendable {
    /// The path, with a NUL at its end.
    private let path: [CChar]
    private let label: String
    /// The text of the message: the last part of the path.
    let name: MessageContent

    /// - Throws: ``Failure`` 65 if the file cannot be read.
    init(_ argument: String) throws(Failure) {
        let bytes = ArgumentBytes.bytes(of: argument)
        path = bytes.cString
        label = TerminalText.escaped(argument)
        let last = bytes.split(separator: UInt8(ascii: "/")).last ?? []
        name = MessageContent(line: Array(last))
        if access(path, R_OK) != 0 { throw failure(errno) }
    }

    /// How long the close of a file that was sent may take: on some file systems close hangs for ever.
    private static let patience = Duration.seconds(5)

    /// Opens the file for reading. If too many files are open, waits until one that was sent has been closed.
    /// - Throws: ``Failure`` 65; or 74 if no more files can be opened.
    func open() async throws(Failure) -> OpenFile {
        while true {
            // Ask before opening: a close that ends meanwhile has made room.
            let willHaveRoom = Descriptor.areBeingClosed
            // Without O_NONBLOCK, opening a FIFO that has no writer would wait.
            let descriptor = Glibc.open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
            if descriptor >= 0 {
                // Clear the flag again: the receiver shares it.
                _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK)
                return OpenFile(adopting: descriptor)
            }
            let error = errno
            guard willHaveRoom, error == EMFILE || error == ENFILE,
                await within(Self.patience, Descriptor.waitUntilNextIsClosed) != nil
            else { throw failure(error) }
        }
    }

    private func failure(_ error: Int32) -> Failure {
        let reason = "\(label) cannot be read (\(String(cString: strerror(error))))"
        return error == EMFILE || error == ENFILE
            ? Failure(.inputOutput, "\(reason); allow more open files (ulimit -n)")
            : Failure(.unsendable, "\(reason); check the path")
    }
}
