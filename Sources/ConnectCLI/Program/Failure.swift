/// Why the command ends otherwise than asked: the exit status, and one line that says what happened, to what,
/// and what to do next.
struct Failure: Error, Sendable, Equatable {
    let status: ExitStatus
    /// `nil`: nothing is to be said.
    let message: String?

    init(_ status: ExitStatus, _ message: String?) {
        self.status = status
        self.message = message
    }

    /// Nobody reads our standard output any more, and there is something to be read.
    static let readerGone = Failure(
        .inputOutput, "the reader of standard output has gone; let it read to the end, or redirect to a file")
}
