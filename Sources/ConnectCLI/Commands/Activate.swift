import ArgumentParser
import ConnectTo
import ConnectToLinux
import FoundationEssentials
import SystemPackage

struct Activate: BusCommand {
    static let configuration = CommandConfiguration(
        commandName: "activate",
        abstract: "Have the bus start a listener when a program connects.",
        // ArgumentParser's own usage text has the options after the command, which would take them as its arguments.
        usage: """
            connect activate [<options>] <name> -- <command> ...
            connect activate --remove [<options>] <name>
            """,
        discussion: """
            Writes a D-Bus service file for this user. When a program connects to NAME and no listener is there, the \
            session bus runs COMMAND, which has to register the name, and the caller waits for it:

              connect activate clock -- connect listen clock --exec -- date

            The file goes to $XDG_DATA_HOME/dbus-1/services; where that variable is not set, .local/share in the home \
            directory that /etc/passwd names stands for it. --bus does not change that: it names the bus that is asked \
            to read the file. If the bus does not find the file there, activate exits with 69. COMMAND runs with the \
            environment and the working directory of the bus. list and watch start no listener.
            """)

    @OptionGroup var common: CommonOptions

    @Argument(help: "The name that the command registers.")
    var name: String

    @Argument(
        parsing: .postTerminator,
        help: ArgumentHelp("The command to run, after two dashes.", valueName: "command"),
        completion: .file())
    var command: [String] = []

    @Flag(help: "Remove the service file of this name.")
    var remove = false

    @Flag(help: "Replace, or remove, a service file that another program has written.")
    var force = false

    func validate() throws {
        if remove, !command.isEmpty { throw ValidationError("--remove takes no command") }
        if !remove, command.isEmpty {
            throw ValidationError(
                "give the command that registers the name, after two dashes: NAME -- COMMAND…")
        }
        if common.bus == "system" {
            throw ValidationError(
                "a system bus reads only the administrator's service files; dbus/ has templates")
        }
    }

    func work(in program: Program) async throws -> ExitStatus {
        let (name, origin) = try common.contextName(name)
        let context = try ContextName(name, origin: origin)
        let directory = try ServiceDirectory()
        let file = ServiceFile(busName: context.busName, command: remove ? [] : try words())
        let occupant = directory.occupant(of: file.name)
        let path = directory.path.appending(file.name).string
        if occupant == .foreign, !force {
            throw Failure(
                .nameTaken,
                "another program has written \(TerminalText.escaped(path)); read it first, or use --force")
        }
        if remove {
            if occupant == .none {
                throw Failure(.noSuchName, "there is no service file \(TerminalText.escaped(path)) to remove")
            }
            try directory.remove(file.name)
        } else {
            try directory.write(file, overwrites: occupant == .ours || force)
        }
        let knows = await tellBus(of: context)
        try await program.report.event(
            Event.activation(context, file: path, isRemoved: remove, busKnows: knows))
        let done = "\(remove ? "removed" : "wrote") \(TerminalText.escaped(path))"
        switch knows {
        case false? where !remove:
            throw Failure(
                .busUnavailable,
                """
                \(done), but the bus does not know the file and will not start the listener; the bus may have another \
                XDG_DATA_HOME than this command, or lack systemd; see \(common.commandLine("doctor", name))
                """)
        case true? where remove:
            await program.report.note("\(done), but the bus still knows another service file for the name")
        case nil:
            await program.report.note(
                "\(done); the bus could not be reached, and reads its service files when it starts")
        default: await program.report.note(done)
        }
        return .success
    }

    /// Asks the bus to read its service files again: the bus does not watch a directory that did not exist when it
    /// started.
    /// - Returns: whether the bus can start the context now; nil if the bus cannot be asked, or does not answer in
    ///   time.
    private func tellBus(of context: ContextName) async -> Bool? {
        await within(TimeLimit.answer) {
            do {
                let bus = try await common.openBus()
                try await bus.reloadConfiguration()
                return try await bus.canStart(context.name, origin: context.origin)
            } catch {
                return nil
            }
        } ?? nil
    }

    /// The command, with the full path of its program, which the bus requires.
    /// - Throws: ``Failure`` 64 if there is no such program, if it cannot be run, or if a service file cannot express
    ///   the command.
    private func words() throws(Failure) -> [String] {
        var words: [String] = []
        for word in command {
            guard let text = ArgumentBytes.text(of: word) else { throw Self.notUTF8(word) }
            words.append(text)
        }
        let program = words[0]
        let bytes: [UInt8]
        do throws(Failure) {
            bytes = try ProgramPath.find(program).bytes
        } catch {
            guard program.hasPrefix("-") else { throw error }
            throw Failure(
                .usage, "\(ShellWord.quoted(program)) is not a command; write options before the two dashes")
        }
        guard let path = String(validating: bytes, as: UTF8.self) else {
            throw Self.notUTF8(String(decoding: bytes, as: UTF8.self))
        }
        words[0] = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
        return words
    }

    private static func notUTF8(_ word: String) -> Failure {
        Failure(
            .usage,
            "\(TerminalText.escaped(word)) is not UTF-8, as a service file must be; put the command into a script")
    }
}
