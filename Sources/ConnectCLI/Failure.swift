/// Why the command ends otherwise than asked: the exit status, and one line that says what happened, to what,
/// and what to do next.
struct Failure: Error, Sendable, Equatable {
    let status: ExitStatus
    /// `nil`: nothing is to be said, because whoever would read it is gone.
    let message: String?

    init(_ status: ExitStatus, _ message: String?) {
        self.status = status
        self.message = message
    }

    /// Nobody reads our standard output any more. That is an end like any other in a shell, so it is quiet.
    static let readerGone = Failure(.inputOutput, nil)
}
