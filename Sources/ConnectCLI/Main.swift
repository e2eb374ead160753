import ArgumentParser
import Glibc

@main
enum Main {
    static func main() async {
        StandardDescriptors.openClosed()
        do {
            var command = try Connect.parseAsRoot(ArgumentBytes.ofThisProcess())
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            leave(error)
        }
    }

    /// Help and versions go to standard output as they are; an error is one line.
    private static func leave(_ error: any Error) -> Never {
        let code = Connect.exitCode(for: error)
        if code.isSuccess { Connect.exit(withError: error) }
        let message = Connect.message(for: error).split(whereSeparator: \.isNewline).joined(separator: " ")
        let line = "connect: \(TerminalText.escapedOnce(message)); see connect --help\n"
        _ = line.withCString { write(2, $0, strlen($0)) }
        _exit(code.rawValue)
    }
}
