import ConnectTo
import ConnectToLinux
import ConnectToMessaging

/// Starts the commands of a worker, in the worker's session, so that they end with it.
final class TaskCommands: Sendable {
    private let children: Children

    /// - Throws: ``Failure`` 74 if this process lacks the descriptors or threads to run commands.
    init() throws(Failure) {
        do {
            children = try Children()
        } catch { throw .outOfResources("no commands can be run", error) }
    }

    /// Starts a command that has pipes as its standard input and output.
    /// - Throws: ``Failure`` 74 if the command cannot be run.
    func start(_ words: [[UInt8]]) async throws(Failure) -> (ChildProcess, input: PipeEnd, output: PipeEnd) {
        do {
            let input = try PipeEnd.pipe(.write)
            let output = try PipeEnd.pipe(.read)
            let child = try await children.start(
                words, environment: environmentEntries(changing: [:]), input: input.theirs, output: output.theirs,
                joinsSession: true)
            return (child, input.ours, output.ours)
        } catch { throw Self.notRun(words, error) }
    }

    /// Starts a command for one task, and whatever it writes to standard error is looked at too.
    /// - Throws: ``Failure`` 74 if the command cannot be run.
    func run(_ words: [[UInt8]], report: Report) async throws(Failure) -> AnsweringRun {
        do {
            let input = try PipeEnd.pipe(.write)
            let output = try PipeEnd.pipe(.read)
            let errors = try PipeEnd.pipe(.read)
            let child = try await children.start(
                words, environment: environmentEntries(changing: [:]), input: input.theirs, output: output.theirs,
                errors: errors.theirs, joinsSession: true, lingers: true)
            return AnsweringRun(
                child, input: input.ours, output: output.ours, errors: errors.ours, form: .text, report: report)
        } catch { throw Self.notRun(words, error) }
    }

    private static func notRun(_ words: [[UInt8]], _ error: any Error) -> Failure {
        .notRun(ShellWord.quoted(String(decoding: words.first ?? [], as: UTF8.self)), error)
    }
}
