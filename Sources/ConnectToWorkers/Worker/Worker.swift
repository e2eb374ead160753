public import ConnectToMessaging

/// The worker's side.
public enum Worker {
    /// Serves the parent until it ends the line.
    ///
    /// The worker is ready when `setUp` has returned.
    public static func main(
        grace: Duration = .seconds(1), options: MessengerOptions = MessengerOptions(),
        _ setUp: (Messenger) async throws -> Void
    ) async throws {
    }
}
