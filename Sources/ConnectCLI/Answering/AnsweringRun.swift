import ConnectTo
import ConnectToLinux
import ConnectToMessaging
import Glibc

/// One run of a command for one request: the payload is its standard input, and what it prints is the answer.
final class AnsweringRun: Sendable {
    /// How long a command may take to end once it is not wanted any more, before SIGKILL.
    static let grace = Duration.seconds(1)
    /// The longest text of a failure, in characters.
    private static let longestText = 1_000

    let child: ChildProcess
    private let input: PipeEnd
    private let output: PipeEnd
    private let errors: PipeEnd
    private let form: PayloadForm
    private let report: Report
    private let isUnwanted = Lock(false)

    init(
        _ child: ChildProcess, input: PipeEnd, output: PipeEnd, errors: PipeEnd, form: PayloadForm, report: Report
    ) {
        self.child = child
        self.input = input
        self.output = output
        self.errors = errors
        self.form = form
        self.report = report
    }

    /// How a run has ended.
    struct Outcome: Sendable {
        var ending: ChildProcess.Ending
        /// What the command has printed, unless it went out as a stream.
        var output: [UInt8] = []
        /// Why the output cannot be the answer.
        var fault: String?
        /// The last text line of the command's standard error.
        var lastLine: String?
        /// Whether a process that the command has left behind still has its output open.
        var isCutOff = false
    }

    /// Feeds the command, and takes what it prints until it has ended.
    /// - Parameters:
    ///   - input: what the command reads; nil is nothing.
    ///   - stream: where each text line of the output goes; nil collects the output.
    func run(_ input: MessageBytes<Payload>?, into stream: PayloadStream?) async -> Outcome {
        // In a task that is not cancelled with this one: the end of the command is waited for in any case.
        let work = Task(executorPreference: try? EventLoop.shared.executor) { await self.converse(input, stream) }
        return await withTaskCancellationHandler {
            await work.value
        } onCancel: {
            giveUp()
        }
    }

    private func converse(_ input: MessageBytes<Payload>?, _ stream: PayloadStream?) async -> Outcome {
        async let isFed: Void = feed(input)
        async let lastLine = readErrors()
        async let ending = end()
        let (bytes, fault) = await drain(into: stream)
        let outcome = Outcome(
            ending: await ending, output: bytes, fault: fault, lastLine: await lastLine,
            isCutOff: output.hasFallenSilent)
        await isFed
        // What is left of the group of a command that was given up goes with it.
        if isUnwanted.withLock(\.self) { child.signalGroup(SIGKILL) }
        child.release()
        return outcome
    }

    /// Nothing that the command does is wanted any more.
    private func giveUp() {
        let isFirst = isUnwanted.withLock { isUnwanted in
            defer { isUnwanted = true }
            return !isUnwanted
        }
        guard isFirst, let loop = try? EventLoop.shared else { return }
        child.terminate(grace: Self.grace, on: loop)
        input.stop()
        if child.hasEnded { output.stop() }
    }

    /// Waits for the end of the command, and lets no process that it leaves behind hold up the answer.
    private func end() async -> ChildProcess.Ending {
        let ending = await child.ended()
        input.stop()
        // All that the command itself has written is in the pipe.
        errors.stop()
        if isUnwanted.withLock(\.self) { output.stop() } else { output.limitSilence(to: ChildService.silence) }
        return ending
    }

    private func feed(_ pieces: MessageBytes<Payload>?) async {
        var pieces = pieces
        do {
            while let piece = pieces?.next(), try await input.write(piece) {}
        } catch {
            // The pipe cannot be written: the end of the command's input.
        }
        input.close()
    }

    /// Passes the command's standard error on to that of this process.
    /// - Returns: the last text line that is not blank.
    private func readErrors() async -> String? {
        let kept = 4 * Self.longestText
        var tail: [UInt8] = []
        while let chunk = try? await errors.read() {
            tail = (tail + chunk).suffix(kept)
            try? await report.errors.writeLine(CollectionOfOne(chunk).makeIterator(), ending: [])
        }
        let lines = String(decoding: tail, as: UTF8.self).split(whereSeparator: \.isNewline)
        let line = lines.last { !$0.allSatisfy(\.isWhitespace) }
        return line.map { String($0.prefix(Self.longestText)) }
    }

    // MARK: The output

    /// Takes the output to its end. Once it is not wanted any more it is dropped, so that a command that cleans up is
    /// not stuck on a full pipe.
    /// - Returns: the output that is no stream, and why it cannot be the answer.
    private func drain(into stream: PayloadStream?) async -> ([UInt8], fault: String?) {
        var bytes: [UInt8] = []
        var elements = AnswerElements(form: form)
        var fault: String?
        do {
            while let chunk = try await output.read() {
                if fault != nil || isUnwanted.withLock(\.self) { continue }
                do {
                    if let stream {
                        try await elements.append(chunk, to: stream)
                    } else {
                        bytes += chunk
                        if bytes.count > PayloadForm.limit { throw Self.tooLong }
                    }
                } catch {
                    bytes = []
                    if let error = error as? Failure { fault = error.message }
                    giveUp()
                }
            }
            if let stream, fault == nil, !isUnwanted.withLock(\.self) { try await elements.finish(stream) }
        } catch let error as Failure {
            fault = error.message
        } catch is CancellationError {
        } catch {
            fault = "the command's output cannot be read (\(error)); try again"
        }
        return (bytes, fault)
    }

    private static let tooLong = Failure(
        .unsendable,
        "the command's output is longer than an answer may be (\(TextLineSplitter.defaultLimit >> 20) MiB); let it write less, or use --stream"
    )
}

/// The output of a command as the elements of a stream.
struct AnswerElements {
    private let form: PayloadForm
    private var lines = TextLineSplitter(limit: PayloadForm.limit)
    private var count = 0

    init(form: PayloadForm) {
        self.form = form
    }

    /// Sends each text line that is complete; with `--bytes` whatever there is.
    /// - Throws: ``Failure`` where a text line cannot be sent, `CancellationError` where nothing is wanted any more.
    mutating func append(_ chunk: [UInt8], to stream: PayloadStream) async throws {
        if form == .bytes { return try await stream.yield(.bytes(chunk)) }
        lines.append(chunk)
        do {
            while let line = try lines.next() { try await send(line, to: stream) }
        } catch let error as TextLineSplitter.TooLong {
            throw Failure(
                .unsendable,
                "line \(count + 1) of the command's output is longer than an answer may be (\(error.limit >> 20) MiB); "
                    + "let the command write shorter lines, or use --bytes")
        }
    }

    /// Sends a last text line without a newline.
    mutating func finish(_ stream: PayloadStream) async throws {
        if form != .bytes, let rest = try? lines.rest() { try await send(rest, to: stream) }
    }

    private mutating func send(_ line: [UInt8], to stream: PayloadStream) async throws {
        count += 1
        let content: MessageContent
        do throws(Failure) {
            content = try form.content(line)
        } catch {
            throw Failure(error.status, "line \(count) of the command's output was not sent: \(error.message ?? "")")
        }
        try await stream.yield(content.message)
    }
}
