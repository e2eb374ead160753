import ConnectTo
import ConnectToLinux

/// `listen --raw --exec`: runs a command for each peer, with the line itself as its standard input and output.
///
/// No byte goes through this process. When the peer ends its side, that ends the command's input and nothing else. The
/// line ends when the command has ended, and the processes that it left behind write no more.
final class RawChildService: PeerService {
    private let command: ChildCommand
    private let report: Report
    private let state = Lock(State())

    private struct State {
        /// Closures that end the running commands, by port number.
        var ends: [Int: @Sendable () -> Void] = [:]
        /// A command may have been started, and be heard of only then.
        var hasEnded = false
    }

    var limit: Int { ChildCommand.limit }
    let status = ExitStatus.success

    init(command: ChildCommand, report: Report) {
        self.command = command
        self.report = report
    }

    /// The command had the line: this process cannot know what the command did not take.
    func untakenFailure(of event: StreamEvent) async -> Failure? { nil }

    func serve(_ event: StreamEvent, _ number: Int) async throws(Failure) -> CloseReason {
        let socket: RawSocket
        do throws(PortError) { socket = try RawSocket(event.stream) } catch { throw Failure(error) }
        var hasRun = true
        do {
            let (child, holders) = try await command.run(for: event.peer, on: socket.descriptor) { [report] stop in
                Task.onLoop { await report.commandStopped(stop, port: number) }
            }
            let end: @Sendable () -> Void = {
                child.hangUp()
                socket.shutdown()
            }
            let hasEnded = state.withLock { state in
                if !state.hasEnded { state.ends[number] = end }
                return state.hasEnded
            }
            if hasEnded { end() }
            let ending = await child.ended()
            await report.note(ending, port: number)
            if await LeftoverProcesses.wait(holders, on: socket, silence: ChildService.silence) == .silent {
                await report.outputCutOff(port: number)
            }
        } catch {
            await untilSomethingCame(over: socket)
            hasRun = false
            let message = command.failure(error).message ?? ""
            await report.failure(Failure(.inputOutput, "port \(number): \(message); the caller's line is closed"))
        }
        let isEndedByUs = state.withLock { $0.ends.removeValue(forKey: number) == nil }
        // Do not read here: closing with unread data resets the connection, and only that tells the peer that its data
        // was not taken.
        guard hasRun else { return .streamEnd }
        // Shut down, so that the peer sees the end even if another process still has a copy of the socket.
        socket.shutdown()
        // A command that has ended did not want the rest: discard it, so that the close is not a reset.
        if !isEndedByUs { socket.discardInput() }
        return .streamEnd
    }

    /// Waits until the peer has sent something or has ended, for at most a second.
    private func untilSomethingCame(over socket: RawSocket) async {
        let hasCome = Latch<Void>()
        guard let loop = try? EventLoop.shared,
            let watch = try? loop.watch(
                socket.descriptor.rawValue, for: [.read, .peerHangup], edgeTriggered: true, { _ in hasCome.set() })
        else { return }
        let timer = loop.schedule(after: ChildService.silence) { hasCome.set() }
        _ = await hasCome.wait()
        timer.cancel()
        watch.cancel()
    }

    func end() {
        let ends = state.withLock { state in
            state.hasEnded = true
            defer { state.ends = [:] }
            return Array(state.ends.values)
        }
        for end in ends { end() }
    }
}
