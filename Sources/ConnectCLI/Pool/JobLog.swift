import ConnectToLinux
import Glibc

/// `--joblog`: a file with a text line for each task that has ended, in the columns of GNU parallel, so that whatever
/// reads those reads this.
final class JobLog: Sendable {
    private let stream: OutputStream
    private let file: Descriptor
    private let path: String

    private static let head = "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand"

    /// Creates the file, or empties it.
    /// - Throws: ``Failure`` 74.
    init(_ path: String) throws(Failure) {
        self.path = TerminalText.escaped(path)
        do throws(SystemError) {
            let name = ArgumentBytes.bytes(of: path).cString
            let number = try systemCall("open") { open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666) }
            file = Descriptor(adopting: number)
            stream = OutputStream(descriptor: number, name: "joblog")
            try stream.write("\(Self.head)\n")
        } catch {
            throw Failure(
                .inputOutput, "--joblog \(self.path) cannot be written (\(error)); give a file that this user may write"
            )
        }
    }

    /// Writes the text line of a task. Waits while the file system is slow.
    func write(_ entry: JobLogEntry) async throws(Failure) {
        do throws(SystemError) {
            try await stream.writeLine(entry.textLine)
        } catch { throw failure(error) }
    }

    /// Waits until everything is in the file.
    /// - Throws: ``Failure`` 74 if something could not be written.
    func flush() async throws(Failure) {
        do throws(SystemError) {
            try await stream.flush()
        } catch { throw failure(error) }
    }

    private func failure(_ error: SystemError) -> Failure {
        Failure(.inputOutput, "--joblog \(path) could not be written whole (\(error)); make room for it")
    }
}
