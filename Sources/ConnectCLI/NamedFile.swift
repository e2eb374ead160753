import ConnectTo
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
        path = bytes.map { CChar(bitPattern: $0) } + [0]
        label = TerminalText.escaped(argument)
        let last = bytes.split(separator: UInt8(ascii: "/")).last ?? []
        name = Payload(line: Array(last))
        if access(path, R_OK) != 0 { throw failure(errno) }
    }

    /// Opens it for reading.
    /// - Throws: ``Failure`` 65.
    func open() throws(Failure) -> OpenFile {
        // Opening a pipe that nobody writes would wait.
        let descriptor = Glibc.open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
        if descriptor < 0 { throw failure(errno) }
        defer { close(descriptor) }
        // But the flag would go along to the receiver.
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK)
        do throws(PortError) {
            return try OpenFile(duplicating: descriptor)
        } catch { throw Failure(.unsendable, "\(label): \(error.message)") }
    }

    private func failure(_ error: Int32) -> Failure {
        Failure(
            .unsendable, "\(label) cannot be read (\(String(cString: strerror(error)))); check the path")
    }
}
