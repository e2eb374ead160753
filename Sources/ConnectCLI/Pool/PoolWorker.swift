import ConnectTo
import ConnectToLinux
import ConnectToMessaging
import ConnectToWorkers
import Glibc

/// A worker of `connect pool`: this program again, between the pool and a command that knows nothing of calls.
///
/// The command is in the worker's session, so that whatever ends the worker, SIGKILL too, ends the command and the
/// processes that it has started.
struct PoolWorker: Sendable {
    /// How the command gets the tasks.
    enum Form: String, Sendable {
        /// One command for all tasks of the worker: it reads a text line for each, and writes one.
        case lines
        /// A command for each task, with the task as its standard input.
        case input
        /// A command for each task, with the task as its last argument.
        case argument
    }

    /// The first argument of a worker, which is no subcommand for users.
    private static let mark = "pool-worker"
    /// The type of the requests: each is a task.
    static let task = "task"
    /// How long a command may take to end, once it is not wanted any more or there are no more tasks for it.
    static let grace = Duration.seconds(1)

    private let form: Form
    private let words: [[UInt8]]

    /// What starts such a worker.
    static func program(_ form: Form, command: [String]) -> WorkerProgram {
        .thisProgram(arguments: [mark, form.rawValue] + command)
    }

    /// Nil if the arguments are not those of a worker.
    init?(_ arguments: [String]) {
        guard arguments.count > 2, arguments[0] == Self.mark, let form = Form(rawValue: arguments[1]) else {
            return nil
        }
        self.form = form
        // The parent's arguments were escaped once, and this program's once more.
        words = arguments.dropFirst(2).map {
            ArgumentBytes.bytes(of: String(decoding: ArgumentBytes.bytes(of: $0), as: UTF8.self))
        }
    }

    /// Does the tasks that the pool gives, until it ends the line.
    func start() -> Never {
        Task.onLoop {
            do {
                try await work()
                _exit(ExitStatus.success.code)
            } catch {
                let failure = (error as? Failure) ?? Failure(error)
                try? OutputStream(descriptor: 2, name: "stderr").writeAtOnce(Array("\(failure.message ?? "")\n".utf8))
                _exit(failure.status.code)
            }
        }
        while true { pause() }
    }

    private func answering() throws(Failure) -> any TaskAnswering {
        let commands = try TaskCommands()
        return switch form {
        case .lines: LineCommand(words, commands)
        case .input: CommandForEach(words, isArgument: false, commands)
        case .argument: CommandForEach(words, isArgument: true, commands)
        }
    }

    private func work() async throws {
        let answering = try answering()
        try await Worker.main(grace: Self.grace, atEnd: answering.end) { worker in
            try await answering.prepare()
            worker.onRequest(Self.task) { payload, _ in try await answering.answer(payload) }
        }
    }
}
