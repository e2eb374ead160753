import ConnectTo
import ConnectToLinux

/// `--exec`: runs a command for each peer. Each message is a text line of the command's input or output.
///
/// No queue grows: a command that does not read stalls its peer, and a peer that does not read stalls the command.
struct ChildService: PeerService {
    let command: ChildCommand
    let report: Report
    /// How a text line of the command's output becomes a message.
    let form: InputForm
    private let firstFailure = FirstFailure()

    /// After this many text lines of one command, other tasks get the loop.
    private static let linesAtOnce = 64

    /// After the command has ended, its output stays open until the processes that it left behind have been silent for
    /// this long.
    static let silence: Duration = .seconds(1)
    /// For a peer that was done and has gone: how long the command may take none of the remaining messages, and then
    /// how long it may run on without input, before it gets SIGHUP.
    private static let patience: Duration = .seconds(10)

    var limit: Int { ChildCommand.limit }
    /// 65 if a text line of a command's output was not sent, 74 if a command could not be run.
    var status: ExitStatus { firstFailure.status }
    func untakenFailure(of event: ConnectEvent) async -> Failure? { await event.untakenFailure() }

    init(command: ChildCommand, report: Report, form: InputForm) {
        self.command = command
        self.report = report
        self.form = form
    }

    func serve(_ event: ConnectEvent, _ number: Int) async throws(Failure) -> CloseReason {
        let port = event.source
        do {
            let (child, input, output) = try await command.run(for: event.peer) { [report] stop in
                Task.onLoop { await report.commandStopped(stop, port: number) }
            }
            await converse(port, number, child, input, output)
        } catch {
            await breakOff(port, number, command.failure(error))
        }
        port.close()
        let reason = await port.ended()
        // The close that was just posted has to reach the peer.
        try? await port.flush()
        return reason
    }

    /// Talks until the command has ended and its output has been sent.
    private func converse(
        _ port: MessagePort, _ number: Int, _ child: ChildProcess, _ input: PipeEnd, _ output: PipeEnd
    ) async {
        let isFed = Latch<Void>()
        await withTaskGroup { group in
            group.addTask {
                await feed(input, from: port, number)
                isFed.set()
            }
            group.addTask {
                await port.ended()
                // The peer has gone, or this process has closed the port since the command ended.
                if port.peerWasDone { await letFinish(child, input, isFed, number) }
                child.hangUp()
                if child.hasEnded { output.stop() }
            }
            group.addTask {
                _ = await child.ended()
                // Processes that the command left behind may still have its output open.
                if port.closeReason != nil { output.stop() } else { output.limitSilence(to: Self.silence) }
            }
            await drain(output, into: port, number)
            let ending = await child.ended()
            if output.hasFallenSilent { await report.outputCutOff(port: number) }
            try? await port.flush()
            if port.closeReason == nil {
                await report.note(ending, port: number)
                // The command wants no more input. finish() says so: what it has not read is then no loss.
                port.finish()
                port.close()
            }
            // Every task ends once the port and the command have ended.
            input.stop()
            await group.waitForAll()
        }
    }

    /// Gives the command time to take the messages that the peer left behind: the peer counts them as delivered.
    private func letFinish(_ child: ChildProcess, _ input: PipeEnd, _ isFed: Latch<Void>, _ number: Int) async {
        input.limitSilence(to: Self.patience)
        _ = await isFed.wait()
        if input.hasFallenSilent { return await report.inputDropped(port: number, for: Self.patience) }
        let isOver = Latch<Void>()
        Task.onLoop {
            _ = await child.ended()
            isOver.set()
        }
        let timer = try? EventLoop.shared.schedule(after: Self.patience) { isOver.set() }
        if timer != nil { _ = await isOver.wait() }
        timer?.cancel()
    }

    /// Writes messages to the command's standard input, until the port ends or the command reads no more.
    private func feed(_ input: PipeEnd, from port: MessagePort, _ number: Int) async {
        do {
            for try await message in port.messages {
                await report.closeUnseen(message.transferred, port: number)
                let held = port.hold(bytes: message.count)
                defer { held.release() }
                var pieces = MessageBytes(message, ending: [0x0A])
                var isRead = true
                while isRead, let piece = pieces.next() {
                    isRead = try await input.write(piece)
                }
                // The command reads no more.
                if !isRead { break }
            }
        } catch {
            // The port has ended, or the pipe cannot be written. Both end the command's input.
        }
        input.close()
    }

    /// Posts the command's standard output to the peer. After the end of the port, keeps reading and drops the output,
    /// so that a command that cleans up is not stuck on a full pipe.
    ///
    /// Neither reading nor posting suspends while the command and the peer are quick, so yield to let other tasks run.
    private func drain(_ output: PipeEnd, into port: MessagePort, _ number: Int) async {
        var lines = TextLineSplitter()
        var count = 0
        // Charge the peer for this memory: with a command such as cat, the peer decides how long the text lines are.
        var held = port.hold(bytes: 0)
        defer { held.release() }
        do {
            while let chunk = try await output.read() {
                await Task.yield()
                if port.closeReason != nil { continue }
                lines.append(chunk)
                held.release()
                held = port.hold(bytes: lines.held)
                while let line = try lines.next() {
                    count += 1
                    await post(line, count, to: port, number)
                    if count.isMultiple(of: Self.linesAtOnce) { await Task.yield() }
                }
            }
            if let line = try lines.rest() { await post(line, count + 1, to: port, number) }
        } catch let error as TextLineSplitter.TooLong {
            let failure = Failure(
                .unsendable,
                "line \(count + 1) of the command's output is longer than a message may be (\(error.limit >> 20) MiB); "
                    + "let the command write shorter lines, or use --raw")
            await breakOff(port, number, failure)
        } catch {
            let failure = Failure(.inputOutput, "the command's output cannot be read (\(error)); try again")
            await breakOff(port, number, failure)
        }
    }

    /// Aborts the port, so that the peer learns that the output is not complete: without a close it sees
    /// `peer-exited`.
    private func breakOff(_ port: MessagePort, _ number: Int, _ failure: Failure) async {
        firstFailure.note(failure)
        await report.failure(
            Failure(failure.status, "port \(number): \(failure.message ?? ""); the caller sees the line break off"))
        // The complete messages are still sent.
        try? await port.flush()
        port.abort()
    }

    private func post(_ line: [UInt8], _ count: Int, to port: MessagePort, _ number: Int) async {
        do throws(Failure) {
            let content = try form.read(line).content
            // A port that has ended takes nothing, and keeps the reason itself.
            try? await port.send(content.message)
        } catch {
            firstFailure.note(error)
            let what = "port \(number): line \(count) of the command's output was not sent: \(error.message ?? "")"
            await report.failure(Failure(error.status, what))
        }
    }
}
