import ConnectTo
import ConnectToLinux
import ConnectToMessaging

/// Prints what a request is answered with.
///
/// Text and JSON are text lines; bytes are written as they are, so that those of a stream join.
final class Answers: Sendable {
    let report: Report
    let name: String
    let files: ReceivedFiles
    let hasStore: Bool
    private let firstFailure = Lock<Failure?>(nil)

    init(report: Report, name: String, store: FileStore?) {
        self.report = report
        self.name = name
        files = ReceivedFiles(report: report, store: store)
        hasStore = store != nil
    }

    /// The failure to report at the end: something came along that could not be kept.
    var failure: Failure? { firstFailure.withLock { $0 } }

    /// Prints an answer, or an element of a stream.
    /// - Parameter event: the word for it with `--json`.
    func show(_ payload: Payload, as event: String) async throws(Failure) {
        let (facts, failure) = await files.handle(payload, from: .onlyPeer)
        if let failure { note(Failure(failure.status, nil)) }
        let closed = payload.transferred.filter { !(hasStore && $0.kind == .file) }
        // Close before writing, so that nothing stays open while the reader of standard output is slow.
        for thing in payload.transferred { thing.close() }
        if report.isJSON {
            try await report.textLine(MessageEvent(payload, files: facts, in: ["event": .string(event)]))
        } else if let kind = payload.kind {
            try await report.textLine(MessageBytes(payload), ending: kind == .bytes ? [] : [0x0A])
        }
        for file in facts where file.isSaved == true { await report.note("saved \(file.textLine)") }
        if closed.isEmpty { return }
        let advice = closed.contains { $0.kind == .file } ? "; --save stores files" : ", as it cannot use it"
        note(
            Failure(
                .inputOutput,
                "\(TerminalText.escaped(name)) sent \(closed.inWords) with its answer, which connect has closed\(advice)"
            ))
    }

    /// The first failure counts, unless it has been told already and a later one has not.
    private func note(_ failure: Failure) {
        firstFailure.withLock { $0 = $0?.message == nil ? failure : $0 }
    }
}
