import ArgumentParser

/// `connect`: the library as a command for shell scripts.
struct Connect: ParsableCommand {
    /// The version of the command and the library. A test compares it with the manual and CHANGELOG.md.
    static let version = "0.2.0"

    static let configuration = CommandConfiguration(
        commandName: "connect",
        abstract: "Find other processes by name on the desktop bus, and talk to them over a private line.",
        discussion: """
            In one terminal: connect listen hello
            In another: connect to hello 'How are you?'

            A message is a text line, and a text line is a message. Requests and their answers go by connect serve and \
            connect call. Exit codes: 0 done; 64 wrong usage; 65 a message cannot \
            be sent; 68 no such name; 69 no bus; 70 a request was answered with a failure; 73 the name is taken; 74 input or output failed, or the peer closed \
            before it had taken everything; 75 timed out or busy, try again; 76 the peer died or broke the protocol; \
            77 refused; 128 + n for signal n.
            """,
        version: version,
        subcommands: [
            Listen.self, To.self, Call.self, Post.self, Serve.self, HubCommand.self, Subscribe.self, Pool.self,
            List.self,
            Watch.self, Info.self, Tap.self,
            Doctor.self, Activate.self,
        ])

    /// The subcommand that the arguments name, if its own parser accepts them. Nil for anything else, `--help`
    /// included, which the whole parser then judges.
    ///
    /// The whole parser builds all subcommands at every start, which takes longer than the rest of a short call.
    static func subcommand(of arguments: [String]) -> (any ProgramCommand)? {
        guard let name = arguments.first else { return nil }
        if name == To.configuration.commandName, let to = To(plain: arguments.dropFirst()) { return to }
        guard
            let command = configuration.subcommands.first(where: { $0._commandName == name })
        else { return nil }
        return try? command.parseAsRoot(Array(arguments.dropFirst())) as? any ProgramCommand
    }
}
