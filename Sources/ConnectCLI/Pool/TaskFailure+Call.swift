import ConnectToMessaging
import ConnectToWorkers

extension TaskFailure {
    /// What the error of a worker's request means for its task.
    /// - Parameters:
    ///   - timeout: the time that the task had.
    ///   - isOfCommand: whether the worker is the command itself, and not this program with the command.
    init(_ error: CallError, timeout: Duration?, isOfCommand: Bool) {
        switch (error.code, error.workerExit) {
        case (.timedOut, _):
            self.init(code: error.code, message: "not done within \(timeout?.inSeconds ?? "the") s (--timeout)")
        case (.workerCrashed, let exit?):
            let ending = CommandEnding(exit.cause)
            let how = ending?.inWords ?? "the command ended before it had answered, and it is not known how"
            let said = Self.lastLine(exit).map { ": " + $0 } ?? ""
            self.init(code: error.code, message: how + said, ending: ending)
        case (.poolBroken, let exit):
            // This program has said last why it cannot run the command.
            let line = isOfCommand ? nil : exit.flatMap(Self.lastLine).map { "no worker could be started: \($0)" }
            let start = (error.cause as? CallError)?.message
            self.init(code: error.code, message: line ?? Self.onOneLine(start ?? error.message))
        default:
            let ending = CommandEnding(details: error.details)
            let how = ending.map(\.inWords).flatMap { $0 == error.message ? nil : "\($0): " } ?? ""
            self.init(code: error.code, message: how + error.message, ending: ending)
        }
    }

    /// The longest text of a command's standard error in a failure, in characters.
    private static let longestText = 1_000

    /// The last text line that is not blank of what a worker has written to its standard error.
    private static func lastLine(_ exit: WorkerExit) -> String? {
        let line = exit.errorLines.split(whereSeparator: \.isNewline).last { !$0.allSatisfy(\.isWhitespace) }
        return line.map { String($0.prefix(longestText)) }
    }

    /// A message that has the last text lines of a worker in it, indented.
    private static func onOneLine(_ message: String) -> String {
        let lines = message.split(whereSeparator: \.isNewline).map { $0.drop(while: \.isWhitespace) }
        return String(lines.joined(separator: " ").prefix(longestText))
    }

    /// Whether the task could go better another time: not where there is no worker, nor where the task cannot be sent.
    var isWorthAnotherTry: Bool { poolFault == nil && code != .notEncodable }

    /// The failure of the whole, where there are no workers any more.
    var poolFault: Failure? {
        switch code {
        case .poolBroken: Failure(.peerFailed, message)
        default: nil
        }
    }
}

extension CommandEnding {
    /// As ``AnsweringRun/Outcome`` says it.
    var inWords: String {
        switch self {
        case .exited(let status): "the command ended with exit status \(status)"
        case .signaled(let signal): "the command was ended by signal \(signal)"
        }
    }

    init?(_ cause: WorkerExit.Cause) {
        switch cause {
        case .exited(let status): self = .exited(status)
        case .signaled(let signal): self = .signaled(signal)
        case .unknown: return nil
        }
    }

    /// As ``AnsweringService`` sends it with a failure.
    init?(details: Payload?) {
        struct Details: Decodable { var status, signal: Int32? }
        guard let details = try? details?.decode(Details.self) else { return nil }
        if let status = details.status {
            self = .exited(status)
        } else if let signal = details.signal {
            self = .signaled(signal)
        } else {
            return nil
        }
    }
}
