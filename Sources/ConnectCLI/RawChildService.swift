import ConnectTo
import LinuxIO
import Subprocess
import SystemPackage

/// `listen --raw --exec`: runs a command for each peer, and the line itself is its standard input and output.
///
/// No byte goes through this process. The peer's end is the end of the command's input, and nothing else; when the
/// command has ended, so has the line.
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

    func hasInputLeft() async -> Bool { false }

    func serve(_ event: ConnectEvent, _ number: Int) async throws(Failure) -> CloseReason {
        let socket: StreamSocket
        do throws(PortError) {
            socket = StreamSocket(Descriptor(adopting: try event.source.takeFileDescriptor()))
        } catch { throw Failure(error) }
        let descriptor = FileDescriptor(rawValue: socket.descriptor.rawValue)
        do {
            let start = try await ChildStart()
            let result = try await Subprocess.run(
                command.configuration(for: event.peer),
                input: .fileDescriptor(descriptor, closeAfterSpawningProcess: false),
                output: .fileDescriptor(descriptor, closeAfterSpawningProcess: false),
                error: .currentStandardError
            ) { child in
                start.end()
                let exit = try ChildExit(of: child.processIdentifier.value)
                ends.withLock { ends in
                    ends[number] = {
                        if !exit.hasHappened {
                            try? child.send(signal: .terminalClosed, toProcessGroup: true)
                        }
                        socket.shutdown()
                    }
                }
                await exit.happened()
            }
            await report.note(result.terminationStatus, port: number)
        } catch {
            await report.failure(
                Failure(
                    .inputOutput,
                    "port \(number): the command could not be run (\(error)); the peer is let go"))
        }
        ends.withLock { $0[number] = nil }
        // Whoever still has a copy of the socket, the peer is to see the end.
        socket.shutdown()
        return .streamEnd
    }

    func end() {
        for end in ends.withLock({ Array($0.values) }) { end() }
    }
}
