import ConnectTo

/// The files that arrive. Each is looked at, and stored if there is a store.
///
/// This happens on threads that may block: a peer can pass any kind of descriptor, and even asking for its size can
/// take as long as its file system likes.
final class ReceivedFiles: Sendable {
    /// How long no data of a file may arrive, in seconds, unless `--max-stall` says otherwise.
    static let patience = 30

    private let store: FileStore?
    private let report: Report
    private let patience: Duration
    private let threads: FileThreads
    private let bar: ProgressBar?

    init(report: Report, store: FileStore? = nil, patience: Duration = .seconds(ReceivedFiles.patience)) {
        self.store = store
        self.report = report
        self.patience = patience
        threads = FileThreads(patience: patience)
        bar = store == nil ? nil : ProgressBar(report)
    }

    /// Handles the files that came with a message, one after the other. Reports each that fails on standard error.
    /// - Returns: the facts about the files, and the first failure.
    func handle(_ message: Message, from sender: FileSender) async -> (facts: [FileFacts], failure: Failure?) {
        let files = message.files
        if files.isEmpty { return ([], nil) }
        let name = files.count == 1 && message.kind != .json ? message.bytes : nil
        var facts: [FileFacts] = []
        var first: Failure?
        for file in files {
            let received = ReceivedFile(file, name, store: store, bar: bar)
            var failure: Failure?
            do throws(FileThreads.Refusal) {
                failure = try await threads.run(for: sender) { received.handle($0) }
            } catch { failure = received.failure(error, patience: patience) }
            facts.append(received.facts)
            if let failure {
                await report.failure(failure)
                first = first ?? failure
            }
        }
        return (facts, first)
    }
}
