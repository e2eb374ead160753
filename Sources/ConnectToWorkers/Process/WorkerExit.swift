import Glibc

/// How a worker's process has ended. It is the ``ConnectToMessaging/CallError/workerExit`` of the errors that this
/// causes.
public struct WorkerExit: Error, Sendable, Hashable, CustomStringConvertible {
    /// How a process ends.
    public enum Cause: Sendable, Hashable, CustomStringConvertible {
        /// By itself, with this exit status: 0 to 255.
        case exited(Int32)
        /// By a signal, of this number: a crash, a limit, or somebody's wish.
        case signaled(Int32)
        /// Another part of this program has waited for the process, or has the kernel forget all that end (SIGCHLD
        /// ignored), so the status is gone.
        case unknown

        public var description: String {
            switch self {
            case .exited(let status): "ended with exit status \(status)"
            case .signaled(let number): "was ended by signal \(number) (\(String(cString: strsignal(number))))"
            case .unknown: "ended; another part of this program has taken its exit status"
            }
        }
    }

    public let cause: Cause
    /// The last text lines that the worker wrote to its standard error and output, 8 KiB at the most; empty if it wrote
    /// nothing.
    public let errorLines: String
    /// The number that the process had. Another process may have it by now.
    public let processID: Int32

    /// Makes an exit, for tests of code that handles exits.
    public init(cause: Cause, errorLines: String, processID: Int32) {
        self.cause = cause
        self.errorLines = errorLines
        self.processID = processID
    }

    /// A sentence, and the last three of the text lines.
    public var description: String {
        let lines = errorLines.split(whereSeparator: \.isNewline).suffix(3)
        let quoted = lines.isEmpty ? "" : "; it wrote last:\n" + lines.map { "  \($0)" }.joined(separator: "\n")
        return "process \(processID) \(cause)\(quoted)"
    }
}
