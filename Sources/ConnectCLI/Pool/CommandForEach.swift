import ConnectTo
import ConnectToLinux
import ConnectToMessaging

/// Runs a command for each task; what it prints is the answer.
struct CommandForEach: TaskAnswering {
    let words: [[UInt8]]
    /// Whether the task is the last argument, in place of standard input.
    let isArgument: Bool
    let commands: TaskCommands
    /// What a command writes to standard error goes to that of this process.
    private let report = Report(
        output: OutputStream(descriptor: 1, name: "stdout"), errors: OutputStream(descriptor: 2, name: "stderr"),
        isJSON: false, isQuiet: false)

    init(_ words: [[UInt8]], isArgument: Bool, _ commands: TaskCommands) {
        self.words = words
        self.isArgument = isArgument
        self.commands = commands
    }

    func prepare() {}

    func answer(_ task: Payload) async throws -> OutgoingMessage? {
        if isArgument, task.bytes.contains(0) {
            throw CallFailure(.invalidPayload, "the task has a NUL byte in it, which no argument can have; use --each")
        }
        let run: AnsweringRun
        do throws(Failure) {
            run = try await commands.run(words + (isArgument ? [task.bytes] : []), report: report)
        } catch { throw CallFailure(.handlerFailed, error.message ?? "the command could not be run") }
        let outcome = await run.run(isArgument ? nil : MessageBytes(task, ending: [0x0A]), into: nil)
        try Task.checkCancellation()
        return try outcome.answer(as: .text, isStream: false)
    }

    func end() {}
}
