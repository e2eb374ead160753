import ConnectToMessaging

/// How one task has ended.
struct TaskOutcome: Sendable {
    /// The task, with the number of its text line in standard input, which counts from 1.
    let line: Int
    let result: Result<any ReceivedContent, TaskFailure>
    /// The size of the task in bytes, with its newline.
    let size: Int

    /// How many bytes wait to be printed.
    var heldBytes: Int {
        if case .success(let answer) = result { answer.count } else { 0 }
    }
}

/// Why a task has no answer.
struct TaskFailure: Error, Sendable, Equatable {
    /// The code of the error, for programs.
    let code: CallError.Code
    /// What happened, for people.
    let message: String
    /// How the command has ended, if that is why.
    var ending: CommandEnding?
}

/// How a command has ended, as far as it is known.
enum CommandEnding: Sendable, Equatable {
    case exited(Int32)
    case signaled(Int32)
}
