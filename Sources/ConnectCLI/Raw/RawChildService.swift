import ConnectTo
import ConnectToLinux

/// `listen --raw --exec`: runs a command for each peer, and the line itself is its standard input and output.
///
/// No byte goes through this process. The peer's end is the end of the command's input, and nothing else; when the
/// command has ended, and what it has left behind has nothing more to say, so has the line.
final class RawChildService: PeerService {
    private let command: ChildCommand
    private let report: Report
    /// What ends each command that runs, by its port's number.
    private let ends = Lock<[Int: @Sendable () -> Void]>([:])

    var limit: Int { ChildCommand.limit }
    let status = ExitStatus.success

    init(command: ChildCommand, report: Report) {
        self.command = command
        self.report = report
    }

    /// The line was the command's: what it did not take is not known here.
    func untaken(by event: StreamEvent) async -> Failure? { nil }

    func serve(_ event: StreamEvent, _ number: Int) async throws(Failure) -> CloseReason {
        let socket: StreamSocket
        do throws(PortError) {
            socket = StreamSocket(Descriptor(adopting: try event.stream.takeFileDescriptor()))
        } catch { throw Failure(error) }
        var hasRun = true
        do {
            let (child, holders) = try await command.run(for: event.peer, on: socket.descriptor) { [report] stop in
                Task.onLoop { await report.stopped(stop, port: number) }
            }
            ends.withLock { ends in
                ends[number] = {
                    child.hangUp()
                    socket.shutdown()
                }
            }
            let ending = await child.ended()
            await report.note(ending, port: number)
            if await Stragglers.wait(holders, on: socket, silence: ChildService.silence) == .silent {
                await report.cut(port: number)
            }
        } catch {
            await untilSomethingCame(over: socket)
            hasRun = false
            let message = command.failure(error).message ?? ""
            await report.failure(Failure(.inputOutput, "port \(number): \(message); the peer is let go"))
        }
        let isEndedByUs = ends.withLock { $0.removeValue(forKey: number) == nil }
        // Closed with something unread it is a reset for the peer, who learns in no other way that nobody took it.
        guard hasRun else { return .streamEnd }
        // Whoever still has a copy of the socket, the peer is to see the end.
        socket.shutdown()
        // What a command that has ended did not want is no loss.
        if !isEndedByUs { socket.discardInput() }
        return .streamEnd
    }

    /// Waits until the peer has sent something or has ended, for a second at the most.
    private func untilSomethingCame(over socket: StreamSocket) async {
        let hasCome = Latch<Void>()
        guard let loop = try? EventLoop.shared,
            let source = try? loop.reactor.watch(
                socket.descriptor.rawValue, for: [.read, .peerHangup, .edge], { _ in hasCome.set() })
        else { return }
        let timer = loop.schedule(after: ChildService.silence) { hasCome.set() }
        _ = await hasCome.wait()
        timer.cancel()
        source.cancel()
    }

    func end() {
        let ends = ends.withLock { ends in
            defer { ends = [:] }
            return Array(ends.values)
        }
        for end in ends { end() }
    }
}
