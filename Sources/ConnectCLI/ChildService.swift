import ConnectTo
import Subprocess

/// `--exec`: runs a command for each peer, a line a message in both directions.
///
/// Nothing piles up: a command that does not read stalls its peer, and a peer that does not read stalls the
/// command.
struct ChildService: PeerService {
    let command: ChildCommand
    let report: Report
    /// What a line of a command's output is.
    let form: InputForm
    private let mishaps = Mishaps()

    /// After so many lines of a command the loop is somebody else's.
    private static let linesAtOnce = 64

    var limit: Int { ChildCommand.limit }
    /// 65 where a line of a command's output was not sent, 74 where a command could not be run.
    var status: ExitStatus { mishaps.status }
    func hasInputLeft() async -> Bool { false }

    init(command: ChildCommand, report: Report, form: InputForm) {
        self.command = command
        self.report = report
        self.form = form
    }

    private typealias Child = Execution<CustomWriteInput, SequenceOutput, FileDescriptorOutput>

    func serve(_ event: ConnectEvent, _ number: Int) async throws(Failure) -> CloseReason {
        let port = event.source
        do {
            let start = try await ChildStart()
            var endedByItself = false
            let result = try await Subprocess.run(
                command.configuration(for: event.peer), input: .inputWriter, output: .sequence,
                error: .currentStandardError
            ) { child in
                start.end()
                endedByItself = try await converse(port, number, child)
            }
            if endedByItself { await report.note(result.terminationStatus, port: number) }
        } catch {
            let failure = Failure(.inputOutput, "the command could not be run (\(error)); see why")
            await breakOff(port, number, failure)
        }
        port.close()
        let reason = await port.closed
        // Its last word.
        await port.flush()
        return reason
    }

    /// Talks until the command has ended and what it wrote is on its way.
    /// - Returns: Whether it ended while the peer was there.
    private func converse(_ port: MessagePort, _ number: Int, _ child: Child) async throws -> Bool {
        let exit = try ChildExit(of: child.processIdentifier.value)
        return await withTaskGroup { group in
            group.addTask { await feed(child.standardInputWriter, from: port, number) }
            group.addTask {
                _ = await port.closed
                // The peer is gone, or we are about to go.
                if !exit.hasHappened {
                    try? child.send(signal: .terminalClosed, toProcessGroup: true)
                }
            }
            await drain(child.standardOutput, into: port, number)
            await exit.happened()
            await port.flush()
            let endedByItself = port.closeReason == nil
            // Both tasks end with the port.
            port.close()
            await group.waitForAll()
            return endedByItself
        }
    }

    /// Messages to the command's standard input, until either side has had enough.
    private func feed(_ writer: StandardInputWriter, from port: MessagePort, _ number: Int) async {
        do {
            for try await message in port.messages {
                await report.noteUnseen(message.transferred, port: number)
                var line = message.bytes
                line.append(0x0A)
                // Less than all: the command has ended.
                if try await writer.write(line) < line.count { break }
            }
        } catch {
            // The port has ended, or the command reads no more: its input is over in both cases.
        }
        try? await writer.finish()
    }

    /// The command's standard output to the peer. After the port's end it is read on and dropped, so that a
    /// command that tidies up is not stuck.
    ///
    /// Neither reading nor posting waits where the command and the peer are quick: others have their turn all the same.
    private func drain(
        _ output: SubprocessOutputSequence, into port: MessagePort, _ number: Int
    ) async {
        var lines = LineSplitter()
        var count = 0
        do {
            for try await chunk in output {
                await Task.yield()
                if port.closeReason != nil { continue }
                chunk.withUnsafeBytes { lines.append($0) }
                while let line = try lines.next() {
                    count += 1
                    await post(line, count, to: port, number)
                    if count.isMultiple(of: Self.linesAtOnce) { await Task.yield() }
                }
            }
            if let line = try lines.rest() { await post(line, count + 1, to: port, number) }
        } catch let error as LineSplitter.TooLong {
            let failure = Failure(
                .unsendable,
                "line \(count + 1) of the command's output is longer than a message may be (\(error.limit >> 20) MiB); "
                    + "have it write shorter ones, or use --raw")
            await breakOff(port, number, failure)
        } catch {
            let failure = Failure(.inputOutput, "the command's output cannot be read (\(error)); try again")
            await breakOff(port, number, failure)
        }
    }

    /// Ends the port so that the peer learns that this is not all: without a close it sees `peer-exited`.
    private func breakOff(_ port: MessagePort, _ number: Int, _ failure: Failure) async {
        mishaps.note(failure)
        await report.failure(
            Failure(failure.status, "port \(number): \(failure.message ?? ""); the peer sees the line break off"))
        // What was whole still goes out.
        await port.flush()
        port.abandon()
    }

    private func post(_ line: [UInt8], _ count: Int, to port: MessagePort, _ number: Int) async {
        do throws(Failure) {
            let payload = try form.read(line).payload
            // A port that has ended takes nothing, and says so with its reason.
            try? await port.send(payload)
        } catch {
            mishaps.note(error)
            let what = "port \(number): line \(count) of the command's output was not sent: \(error.message ?? "")"
            await report.failure(Failure(error.status, what))
        }
    }
}

extension Report {
    /// How a command ended, where that says something.
    func note(_ status: TerminationStatus, port number: Int) async {
        switch status {
        case .exited(0): break
        case .exited(let code): await note("port \(number): the command ended with \(code)")
        case .signaled(let signal): await note("port \(number): the command was ended by signal \(signal)")
        }
    }
}
