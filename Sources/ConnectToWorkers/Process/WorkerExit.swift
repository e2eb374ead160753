/// How a worker's process has ended.
public struct WorkerExit: Error, Sendable, Hashable {
    public enum Cause: Sendable, Hashable {
        case exited(Int32)
        case signaled(Int32)
        /// Another part of this program has waited for the process, so its status is gone.
        case unknown
    }

    public let cause: Cause
    /// The last lines that the worker wrote to its standard error and output.
    public let errorLines: String
    public let processID: Int32

    public init(cause: Cause, errorLines: String, processID: Int32) {
        self.cause = cause
        self.errorLines = errorLines
        self.processID = processID
    }
}
