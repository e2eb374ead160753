import ConnectTo
import Glibc
import SystemPackage

/// The check of the service file from which the bus would start a context.
extension Diagnosis {
    /// Nil if this directory has no such file and the bus can start no such service.
    func service(for name: String) async throws(ConnectToError) -> Finding? {
        let context = try ContextName(name, origin: origin)
        let isKnown = try await connection.canStart(name, origin: origin)
        // A system bus reads other directories.
        let directory = isSystem ? nil : try? ServiceDirectory()
        let file = ServiceFile.name(for: context.busName)
        guard let directory, let text = directory.text(of: file) else {
            if !isKnown { return nil }
            return Finding(
                check: "service", message: "the bus has a service file for \(label(name)) in another directory")
        }
        let path = directory.path.appending(file).string
        guard isKnown else {
            return Finding(
                check: "service", message: "\(path) exists, but the bus does not know it and starts no listener",
                advice:
                    "write it again with connect activate; if that does not help, the bus has another XDG_DATA_HOME "
                    + "than this command",
                problem: .busUnavailable)
        }
        guard let program = ServiceFile.program(in: text) else {
            return Finding(check: "service", message: "the bus knows \(path), which does not name a program")
        }
        if !program.hasPrefix("/") || access(program, X_OK) == 0 {
            return Finding(check: "service", message: "the bus knows \(path), and runs \(program) for a caller")
        }
        return Finding(
            check: "service",
            message: "the bus knows \(path), but its program \(program) does not exist or is not executable",
            advice: "install the program, or write the file again with connect activate", problem: .peerFailed)
    }
}
