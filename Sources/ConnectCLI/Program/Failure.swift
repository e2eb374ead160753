/// Why the command did not do what was asked: the exit status, and one text line that says what happened, to what, and
/// what to do next.
struct Failure: Error, Sendable, Equatable {
    let status: ExitStatus
    /// `nil` if there is nothing to say.
    let message: String?

    init(_ status: ExitStatus, _ message: String?) {
        self.status = status
        self.message = message
    }

    /// The reader of standard output has gone, and there is output for it.
    static let readerGone = Failure(
        .inputOutput, "the reader of standard output has gone; let it read to the end, or redirect to a file")
}
