import ArgumentParser
import ConnectTo
import ConnectToLinux
import ConnectToWorkers

struct Pool: ProgramCommand {
    static let configuration = CommandConfiguration(
        commandName: "pool",
        abstract: "Do the tasks on standard input, a text line each, on workers that stay.",
        usage: "connect pool [<options>] <command> ... < tasks",
        discussion: """
            Starts up to N workers, each of which runs COMMAND once: it reads a text line for each task, and writes one \
            text line, the answer. Answers are printed in the order of the tasks.

              connect pool -j 4 sed -u 's/.*/<&>/' <words

            A command that buffers its output has to write each line at once: sed -u, grep --line-buffered, jq \
            --unbuffered, python3 -u, stdbuf -oL. One that takes no lines is started for each task, by a worker that \
            stays: --each gives it the task as standard input, --argument as its last argument, and all that it prints \
            is the answer.

              find . -name '*.png' | connect pool --argument optipng -quiet

            A task fails when the command ends before it has answered (or, with --each and --argument, with another \
            exit status than 0), and when its time is over. Other tasks go on. Standard error says which have failed, and \
            connect exits with 70.

            With --json, standard output carries {"event":"answer"|"failure"|"end"|"error",…}, the first two with the \
            number of the task's line.
            """)

    @OptionGroup var output: OutputOptions

    @Option(
        name: [.customShort("j", allowingJoined: true), .long], parsing: .unconditional,
        help: ArgumentHelp("How many workers there are at most; as many as processors if not given.", valueName: "n"),
        transform: Self.count)
    var jobs: Int?

    @Flag(help: "Start COMMAND for each task, with the task as its standard input.")
    var each = false

    @Flag(help: "Start COMMAND for each task, with the task as its last argument.")
    var argument = false

    @Option(
        help: ArgumentHelp(
            "COMMAND is a program of the library ConnectToWorkers: each task is a request of this type.",
            valueName: "type"))
    var type: String?

    @Flag(name: .customLong("as-json"), help: "With --type, send each task as JSON. A task that is not JSON fails.")
    var asJSON = false

    @Flag(help: "Print answers as they come, in place of the order of the tasks.")
    var unordered = false

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Fail a task that runs longer, and end its worker.", valueName: "seconds"),
        transform: SecondsArgument.init)
    var timeout: SecondsArgument?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Try a task that has failed again, at most this often; 0 if not given.", valueName: "n"),
        transform: Self.number)
    var retries = 0

    @Option(
        help: ArgumentHelp(
            "Write a line for each task that has ended to this file, in the columns of GNU parallel.",
            valueName: "file"),
        completion: .file())
    var joblog: String?

    @Argument(
        parsing: .captureForPassthrough, help: ArgumentHelp("The command to run.", valueName: "command"),
        completion: .file())
    var command: [String] = []

    /// - Throws: `ValidationError`, which says what to write instead, if the argument is not a number of workers.
    private static func count(_ argument: String) throws -> Int {
        guard let count = Int(argument), count > 0 else { throw ValidationError("give a number of at least 1") }
        return count
    }

    /// - Throws: `ValidationError`, which says what to write instead, if the argument is not a number of tries.
    private static func number(_ argument: String) throws -> Int {
        guard let number = Int(argument), number >= 0 else { throw ValidationError("give a number, 0 or more") }
        return number
    }

    mutating func validate() throws {
        // The parser takes the two dashes, and each option that it does not know, for the command.
        switch command.first {
        case "--": command.removeFirst()
        case "--help", "-h": throw CleanExit.helpRequest(self)
        case "--version": throw CleanExit.message(Connect.version)
        case let word? where word.hasPrefix("-"):
            throw ValidationError(
                "there is no option \(TerminalText.escaped(word)); a command of that name comes after two dashes")
        default: break
        }
        if command.isEmpty { throw ValidationError("give the command that does the tasks: connect pool COMMAND…") }
        if [each, argument, type != nil].count(where: \.self) > 1 {
            throw ValidationError("--each, --argument and --type exclude each other; leave out all but one")
        }
        if asJSON, type == nil { throw ValidationError("--as-json needs --type") }
    }

    func work(in program: Program) async throws -> ExitStatus {
        _ = try ProgramPath.find(command[0])
        let type = try type.map { type throws(Failure) in try RequestType.checked(type) }
        let log = try joblog.map { path throws(Failure) in try JobLog(path) }
        let input = try StandardInput(limit: PayloadForm.limit)
        let jobs = jobs ?? WorkerLimits.processors
        let workers = WorkerPool(worker, limits: WorkerLimits(maximum: jobs, grace: Self.grace, failedStarts: 2))
        program.atEnd { _ in
            await workers.terminate()
            try? await log?.flush()
        }
        let options = PoolRun.Options(
            type: type ?? PoolWorker.task, isCommandWorker: type != nil,
            form: PayloadForm(asJSON: asJSON, bytes: false), isOrdered: !unordered, jobs: jobs,
            timeout: timeout?.duration, retries: retries,
            silenceAdvice: each || argument || type != nil ? nil : Self.silenceAdvice)
        try await PoolRun(workers, options, report: program.report, log: log).run(input)
        return .success
    }

    /// How long a worker may take to end: longer than it gives its command, and less than the end of this program takes.
    private static let grace = PoolWorker.grace + .milliseconds(500)

    private static let silenceAdvice =
        "no task is done yet; if the command buffers its output, have it write each line at once "
        + "(sed -u, grep --line-buffered, python3 -u, stdbuf -oL), or use --each"

    private var worker: WorkerProgram {
        if type != nil { return .executable(command[0], arguments: Array(command.dropFirst())) }
        return PoolWorker.program(argument ? .argument : each ? .input : .lines, command: command)
    }
}
