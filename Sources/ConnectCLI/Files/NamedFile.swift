import ConnectTo
import ConnectToLinux
import Glibc

/// A file that `--file` names: passed on open, under its base name.
struct NamedFile: Sendable {
    /// With a NUL behind it.
    private let path: [CChar]
    private let label: String
    /// What the message says: the last part of the path.
    let name: Payload

    /// - Throws: ``Failure`` 65 where it cannot be read.
    init(_ argument: String) throws(Failure) {
        let bytes = ArgumentBytes.bytes(of: argument)
        path = bytes.cString
        label = TerminalText.escaped(argument)
        let last = bytes.split(separator: UInt8(ascii: "/")).last ?? []
        name = Payload(line: Array(last))
        if access(path, R_OK) != 0 { throw failure(errno) }
    }

    /// How long one that has been sent may take to be closed: some file systems hang, and never let go.
    private static let patience = Duration.seconds(5)

    /// Opens it for reading; where too many are open, as soon as one that has been sent is closed.
    /// - Throws: ``Failure`` 65, or 74 where more cannot be open.
    func open() async throws(Failure) -> OpenFile {
        while true {
            // Asked before: what is closed meanwhile has made room.
            let willHaveRoom = Descriptor.areBeingClosed
            // Opening a pipe that nobody writes would wait.
            let descriptor = Glibc.open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
            if descriptor >= 0 {
                // But the flag would go along to the receiver.
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
