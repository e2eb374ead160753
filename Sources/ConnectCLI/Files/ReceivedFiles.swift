import ConnectTo
import ConnectToLinux

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

    /// Handles the files that came with a message or call, one after the other. Reports each that fails on standard error.
    /// - Returns: the facts about the files, and the first failure.
    func handle(_ message: some ReceivedContent, from sender: FileSender) async -> (
        facts: [FileFacts], failure: Failure?
    ) {
        let files = message.transferred.compactMap(\.file)
        if files.isEmpty { return ([], nil) }
        let hasName = files.count == 1 && message.contentKind != nil && message.contentKind != .json
        let name = hasName ? message.bytes : nil
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

/// A file that came with a message, while it is looked at and stored.
final class ReceivedFile: Sendable {
    private let file: OpenFile
    private let name: [UInt8]?
    private let store: FileStore?
    private let bar: ProgressBar?
    private let known: Lock<FileFacts>

    /// - Parameter name: the name that the message gives the file.
    init(_ file: OpenFile, _ name: [UInt8]?, store: FileStore?, bar: ProgressBar?) {
        self.file = file
        self.name = name
        self.store = store
        self.bar = bar
        known = Lock(
            FileFacts(
                name: name.map { String(decoding: $0, as: UTF8.self) }, size: .unknown,
                isSaved: store == nil ? nil : false))
    }

    /// What is known about the file so far.
    var facts: FileFacts { known.withLock { $0 } }

    /// Looks at the file, and stores it if there is a store. May block for ever.
    /// - Returns: why the file was not looked at or stored; nil if it was.
    func handle(_ work: FileWork) -> Failure? {
        let result = file.withFileDescriptor { descriptor in
            Result { () throws(Failure) in try handle(descriptor, work) }
        }
        if case .failure(let failure)? = result { return failure }
        return nil
    }

    private func handle(_ descriptor: Int32, _ work: FileWork) throws(Failure) {
        let regular: RegularFile?
        do throws(SystemError) {
            regular = try RegularFile(descriptor)
        } catch { throw failure("\(notDone) (\(error.errno)); pass it again") }
        known.withLock { $0.size = regular.map { .bytes($0.size) } ?? .none }
        guard let store else { return }
        guard let regular else { throw failure("was not saved; pass a regular file") }
        guard let name, let fileName = FileName(received: name) else {
            throw failure("was not saved: its message gives no valid file name; post the base name as text")
        }
        let share = bar?.begin(fileName.label, total: regular.size)
        defer { share?.end() }
        try store.save(regular, as: fileName, work) { share?.update($0) }
        known.withLock {
            $0.name = String(decoding: fileName.bytes, as: UTF8.self)
            $0.isSaved = true
        }
    }

    /// Why the file was not looked at or stored, if the work had no thread or was given up.
    func failure(_ refusal: FileThreads.Refusal, patience: Duration) -> Failure {
        switch refusal {
        case .stalled:
            let advice = store == nil ? "" : ", or allow more time (--max-stall)"
            return failure(
                "\(notDone): no byte of it arrived for \(patience.inSeconds) s; check the sender's file system\(advice)"
            )
        case .allHang(let count):
            return failure(
                "\(notDone): \(count) earlier files of its sender hang; pass it again when the sender has closed those"
            )
        case .noThread(let error):
            return failure(
                "\(notDone) (\(error)); allow more threads and open files (ulimit -u, -n)")
        }
    }

    private var notDone: String { store == nil ? "was not examined" : "was not saved" }

    private func failure(_ reason: String) -> Failure {
        Failure(.inputOutput, "\(facts.textLine) \(reason)")
    }
}
