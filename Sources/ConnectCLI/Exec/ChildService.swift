import ConnectTo
import ConnectToLinux

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

    /// When a command has ended, what it has left behind is listened to until it has been silent for so long.
    static let silence: Duration = .seconds(1)
    /// How long a command whose peer was done and has gone may take nothing of its input, and then go on without any,
    /// before it gets SIGHUP.
    private static let patience: Duration = .seconds(10)

    var limit: Int { ChildCommand.limit }
    /// 65 where a line of a command's output was not sent, 74 where a command could not be run.
    var status: ExitStatus { mishaps.status }
    func untaken(by event: ConnectEvent) async -> Failure? { await event.untaken() }

    init(command: ChildCommand, report: Report, form: InputForm) {
        self.command = command
        self.report = report
        self.form = form
    }

    func serve(_ event: ConnectEvent, _ number: Int) async throws(Failure) -> CloseReason {
        let port = event.source
        do {
            let (child, input, output) = try await command.run(for: event.peer) { [report] stop in
                Task.onLoop { await report.stopped(stop, port: number) }
            }
            await converse(port, number, child, input, output)
        } catch {
            await breakOff(port, number, command.failure(error))
        }
        port.close()
        let reason = await port.end()
        // Its last word.
        try? await port.flush()
        return reason
    }

    /// Talks until the command has ended and what it wrote is on its way.
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
                await port.end()
                // The peer is gone, or the command has ended.
                if port.peerWasDone { await letFinish(child, input, isFed, number) }
                child.hangUp()
                if child.hasEnded { output.stop() }
            }
            group.addTask {
                _ = await child.ended()
                // What it has left behind may have its output.
                if port.closeReason != nil { output.stop() } else { output.limitSilence(to: Self.silence) }
            }
            await drain(output, into: port, number)
            let ending = await child.ended()
            if output.hasFallenSilent { await report.cut(port: number) }
            try? await port.flush()
            if port.closeReason == nil {
                await report.note(ending, port: number)
                // It wants no more, and says so: what it has not read is no loss.
                port.finish()
                port.close()
            }
            // All tasks end with the port and the command.
            input.stop()
            await group.waitForAll()
        }
    }

    /// Gives a command the time to take what its peer has left behind: the peer was told that it is delivered.
    private func letFinish(_ child: ChildProcess, _ input: PipeEnd, _ isFed: Latch<Void>, _ number: Int) async {
        input.limitSilence(to: Self.patience)
        _ = await isFed.wait()
        if input.hasFallenSilent { return await report.untaken(port: number, for: Self.patience) }
        let isOver = Latch<Void>()
        Task.onLoop {
            _ = await child.ended()
            isOver.set()
        }
        let timer = try? EventLoop.shared.schedule(after: Self.patience) { isOver.set() }
        if timer != nil { _ = await isOver.wait() }
        timer?.cancel()
    }

    /// Messages to the command's standard input, until either side has had enough.
    private func feed(_ input: PipeEnd, from port: MessagePort, _ number: Int) async {
        do {
            for try await message in port.messages {
                await report.noteUnseen(message.transferred, port: number)
                let held = port.hold(message.count)
                defer { withExtendedLifetime(held) {} }
                var pieces = MessageBytes(message, ending: [0x0A])
                var isRead = true
                while isRead, let piece = pieces.next() {
                    isRead = try await input.write(piece)
                }
                // The command reads no more.
                if !isRead { break }
            }
        } catch {
            // The port has ended, or the pipe cannot be written: the command's input is over in both cases.
        }
        input.close()
    }

    /// The command's standard output to the peer. After the port's end it is read on and dropped, so that a
    /// command that tidies up is not stuck.
    ///
    /// Neither reading nor posting waits where the command and the peer are quick: others have their turn all the same.
    private func drain(_ output: PipeEnd, into port: MessagePort, _ number: Int) async {
        var lines = LineSplitter()
        var count = 0
        // Of a command like cat it is the peer who decides how long its lines are.
        var held = port.hold(0)
        defer { withExtendedLifetime(held) {} }
        do {
            while let chunk = try await output.read() {
                await Task.yield()
                if port.closeReason != nil { continue }
                lines.append(chunk)
                held = port.hold(lines.held)
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
        try? await port.flush()
        port.abandon()
    }

    private func post(_ line: [UInt8], _ count: Int, to port: MessagePort, _ number: Int) async {
        do throws(Failure) {
            let payload = try form.read(line).payload
            // A port that has ended takes nothing, and says so with its reason.
            try? await port.send(payload.message)
        } catch {
            mishaps.note(error)
            let what = "port \(number): line \(count) of the command's output was not sent: \(error.message ?? "")"
            await report.failure(Failure(error.status, what))
        }
    }
}
