import ConnectTo
import ConnectToLinux
import ConnectToMessaging
import Glibc

/// A command that stays: it reads a text line for each task, and writes a text line for its answer.
///
/// If it ends while it has a task, this process ends in the same way. If it ends between two tasks, as one does that
/// has a number of tasks in it, the next task starts it anew.
actor LineCommand: TaskAnswering {
    private let words: [[UInt8]]
    private let commands: TaskCommands
    private var running: Running?

    private struct Running: Sendable {
        let child: ChildProcess
        let input: PipeEnd
        let output: PipeEnd

        /// Asks the command to end, and ends it if it does not.
        func terminate() {
            guard let loop = try? EventLoop.shared else { return child.signalGroup(SIGKILL) }
            child.terminate(grace: PoolWorker.grace / 2, on: loop)
        }
    }

    /// What the command has written and no task has got.
    private var lines = TextLineSplitter(limit: PayloadForm.limit)
    /// Whether the command has closed its output.
    private var isAtEnd = false

    init(_ words: [[UInt8]], _ commands: TaskCommands) {
        self.words = words
        self.commands = commands
    }

    func prepare() async throws(Failure) {
        _ = try await start()
    }

    private func start() async throws(Failure) -> Running {
        let (child, input, output) = try await commands.start(words)
        let command = Running(child: child, input: input, output: output)
        (running, lines, isAtEnd) = (command, TextLineSplitter(limit: PayloadForm.limit), false)
        return command
    }

    func answer(_ task: Payload) async throws -> OutgoingMessage? {
        let command = try await readyCommand()
        if lines.held > 0 || command.output.hasUnread { throw surplus(of: command) }
        let line = try await withTaskCancellationHandler {
            // At the same time: a command that writes before it has read all must not wait for this process.
            async let isTaken = command.input.write(task.bytes + [0x0A])
            let line = try await nextLine(of: command)
            _ = try await isTaken
            return line
        } onCancel: {
            command.terminate()
        }
        if let line {
            if lines.held > 0 { throw surplus(of: command) }
            return MessageContent(line: line).message
        }
        guard let ending = await Self.ending(of: command.child) else {
            throw discard(command, "the command has closed its output and lives on, so it cannot answer any more")
        }
        ending.becomeOurs()
    }

    /// The command, started anew if it has ended since the last task.
    private func readyCommand() async throws -> Running {
        if let running {
            if !isAtEnd, !running.child.hasEnded { return running }
            if await Self.ending(of: running.child) == nil { running.terminate() }
        }
        do throws(Failure) {
            return try await start()
        } catch { throw CallFailure(.handlerFailed, error.message ?? "the command could not be run") }
    }

    /// The next text line that the command writes; its last one needs no newline. Nil at the end of its output.
    private func nextLine(of command: Running) async throws -> [UInt8]? {
        do {
            while true {
                if let line = try lines.next() { return line }
                guard let chunk = try await command.output.read() else { break }
                lines.append(chunk)
            }
            isAtEnd = true
            return try lines.rest()
        } catch let error as TextLineSplitter.TooLong {
            throw discard(
                command,
                "the command has printed a line of more than \(error.limit >> 20) MiB; let it print shorter ones")
        }
    }

    /// Closes the command's standard input, and waits for its end.
    func end() async {
        guard let running else { return }
        running.input.close()
        if await within(PoolWorker.grace / 2, { await running.child.ended() }) == nil { running.terminate() }
        _ = await running.child.ended()
    }

    // MARK: What cannot go on

    /// Answers and tasks do not go together any more.
    private func surplus(of command: Running) -> CallFailure {
        discard(
            command,
            "the command has printed more than one line for a task; let it print one, or use connect pool --each")
    }

    /// Ends the command, so that the next task gets a new one.
    private func discard(_ command: Running, _ message: String) -> CallFailure {
        command.terminate()
        running = nil
        return CallFailure(.handlerFailed, message)
    }

    /// Waits until a command that has closed its output ends. Nil if it lives on.
    private static func ending(of child: ChildProcess) async -> ChildProcess.Ending? {
        // In a task that is not cancelled with this one.
        await Task(executorPreference: try? EventLoop.shared.executor) {
            await within(PoolWorker.grace) { await child.ended() }
        }.value
    }
}
