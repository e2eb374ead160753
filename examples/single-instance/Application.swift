import ConnectToMessaging

/// What a second start of the program asks the first: to do what it was started for.
struct Start: Codable, Sendable {
    var arguments: [String]
    /// Where relative paths among the arguments begin.
    var directory: String
}

/// What the second start prints, and the exit code with which it ends.
struct Outcome: Codable, Sendable {
    var text: String
    var exitCode: Int32
}

enum Application {
    static let name = "single-instance"
    static let start = Request<Start, Outcome>("start")
}
