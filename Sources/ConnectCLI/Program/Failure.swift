import ConnectTo

/// Why the command did not do what was asked: the exit status, and one text line that says what happened, to what, and
/// what to do next.
struct Failure: Error, Sendable, Equatable {
    let status: ExitStatus
    /// `nil` if there is nothing to say.
    let message: String?
    /// The library's code, where the failure comes from the library.
    let cause: Cause?

    enum Cause: Sendable, Equatable {
        /// An error of a call on a bus.
        case error(ConnectToError.Code)
        /// The end of a port.
        case end(CloseReason.Code)
    }

    init(_ status: ExitStatus, _ message: String?, cause: Cause? = nil) {
        self.status = status
        self.message = message
        self.cause = cause
    }

    /// The reader of standard output has gone, and there is output for it.
    static let readerGone = Failure(
        .inputOutput, "the reader of standard output has gone; let it read to the end, or redirect to a file")
}
