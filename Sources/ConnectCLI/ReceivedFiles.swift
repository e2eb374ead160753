import ConnectTo
import Glibc
import LinuxIO

/// Files that arrive: looked at, and stored where that is wanted.
///
/// On a thread that may block: a descriptor that a peer passes can be anything, and even asking for its size can
/// take as long as a file system wants to.
final class ReceivedFiles: Sendable {
    private let store: FileStore?
    private let report: Report
    private let thread = Lock<WorkerThread?>(nil)

    init(report: Report, store: FileStore? = nil) {
        self.report = report
        self.store = store
    }

    /// Takes what came with a message, one after the other. What cannot be stored is told of on standard error.
    /// - Returns: the facts, and the first failure to store.
    func take(_ message: Message) async -> (facts: [FileFacts], failure: Failure?) {
        let files = message.files
        if files.isEmpty { return ([], nil) }
        let name = files.count == 1 && message.kind != .json ? message.bytes : nil
        var facts: [FileFacts] = []
        var first: Failure?
        for file in files {
            let (fact, failure): (FileFacts, Failure?)
            do throws(SystemError) {
                (fact, failure) = try await ownThread().run { [store, report] in
                    Self.take(file, name, store, report)
                }
            } catch {
                (fact, failure) = (
                    FileFacts(),
                    Failure(
                        .inputOutput,
                        "a file that came was not looked at (\(error)); see how many threads and descriptors this "
                            + "process may have (ulimit -u -n)")
                )
            }
            if let failure {
                await report.failure(failure)
                first = first ?? failure
            }
            facts.append(fact)
        }
        return (facts, first)
    }

    private func ownThread() throws(SystemError) -> WorkerThread {
        try thread.withLock { thread throws(SystemError) in
            if let thread { return thread }
            let new = try WorkerThread(name: "files")
            thread = new
            return new
        }
    }

    private static func take(
        _ file: OpenFile, _ name: [UInt8]?, _ store: FileStore?, _ report: Report
    ) -> (FileFacts, Failure?) {
        var facts = FileFacts(name: name.map { String(decoding: $0, as: UTF8.self) })
        facts.size =
            file.withFileDescriptor { descriptor -> Int? in
                var status = stat()
                guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
                return Int(status.st_size)
            } ?? nil
        guard let store else { return (facts, nil) }
        facts.isSaved = false
        do throws(Failure) {
            guard let size = facts.size else {
                throw Failure(.inputOutput, "\(facts.line) was not saved; pass a regular file")
            }
            guard let name, let fileName = FileName(received: name) else {
                throw Failure(.inputOutput, "\(facts.line) was not saved: that is no file's name")
            }
            var bar = ProgressBar(fileName.label, total: size, report)
            let result = file.withFileDescriptor { descriptor in
                Result { () throws(Failure) in
                    try store.save(descriptor, size: size, as: fileName) { bar?.update($0) }
                }
            }
            bar?.clear()
            try result?.get()
            facts.name = String(decoding: fileName.bytes, as: UTF8.self)
            facts.isSaved = true
            return (facts, nil)
        } catch { return (facts, error) }
    }
}
