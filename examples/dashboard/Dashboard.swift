import ConnectToMessaging

/// What the windows of the dashboard say to each other. Both sides of every line compile this file.
enum Dashboard {
    /// The name of the context that the main window registers.
    static let name = "dashboard"
    /// Main window → all: how to look from now on.
    static let theme = Event<String>("theme")
    /// Main window → others: what one window has shared.
    static let note = Event<Note>("note")
    /// Window → main window: a text for all other windows. The answer is how many got it.
    static let share = Request<String, Int>("share")
    /// Main window → each window: how it is.
    static let status = Request<NoPayload, Status>("status")
    /// Window → window, on a line of their own.
    static let greet = Request<String, String>("greet")
}

struct Note: Codable, Sendable {
    var from: String
    var text: String
}

struct Status: Codable, Sendable {
    var theme: String
    var notes: Int
}
