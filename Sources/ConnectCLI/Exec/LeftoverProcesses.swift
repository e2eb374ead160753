import CConnectToLinux
import ConnectTo
import ConnectToLinux

/// The processes that a command has left behind, and that still have its line.
///
/// A process that has a socket cannot learn that all others have closed it. So every process that the command starts
/// also inherits a pipe, unless it closes that. Nor can this process see what the others write, since the peer takes
/// that from the socket. But each time the peer takes bytes, the kernel reports room in the socket.
final class LeftoverProcesses: Sendable {
    enum Outcome: Sendable {
        /// There are none, or none any more.
        case gone
        /// The peer has ended the line.
        case peerGone
        /// They have written nothing for as long as they may.
        case silent
    }

    private let line: RawSocket
    private let silence: Duration
    private let outcome = Latch<Outcome>()
    private let hasWritten = Lock(false)

    private init(_ line: RawSocket, _ silence: Duration) {
        self.line = line
        self.silence = silence
    }

    /// Waits until the processes have stopped writing to the line.
    /// - Parameter holders: the pipe, which reaches its end of file when no process has it any more.
    static func wait(_ holders: PipeEnd, on line: RawSocket, silence: Duration) async -> Outcome {
        let processes = LeftoverProcesses(line, silence)
        return await processes.wait(holders)
    }

    private func wait(_ holders: PipeEnd) async -> Outcome {
        Task.onLoop { [outcome] in
            do { while try await holders.read() != nil {} } catch {}
            outcome.set(.gone)
        }
        let loop = try? EventLoop.shared
        let watch = try? loop?.watch(line.descriptor.rawValue, for: .write, edgeTriggered: true) { [self] in
            if $0.isDisjoint(with: [.hangup, .error]) {
                hasWritten.withLock { $0 = true }
            } else {
                outcome.set(.peerGone)
            }
        }
        awaitSilence(on: loop)
        let end = await outcome.wait() ?? .gone
        watch?.cancel()
        holders.stop()
        return end
    }

    private func awaitSilence(on loop: EventLoop?) {
        loop?.schedule(after: silence) { [self] in
            if outcome.value != nil { return }
            let hasWritten = hasWritten.withLock { hasWritten in
                defer { hasWritten = false }
                return hasWritten
            }
            // While the peer has not taken their bytes, they may be unable to write more.
            if hasWritten || clinux_bytes_unread(line.descriptor.rawValue) > 0 {
                awaitSilence(on: loop)
            } else {
                outcome.set(.silent)
            }
        }
    }
}
