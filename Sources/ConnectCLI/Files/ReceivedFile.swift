import ConnectTo
import ConnectToLinux

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
