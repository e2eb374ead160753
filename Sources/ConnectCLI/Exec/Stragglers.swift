import CConnectToLinux
import ConnectTo
import ConnectToLinux

/// What a command has left behind, and still has its line.
///
/// Nothing tells a process that others have let go of a socket that it has itself. So all that the command starts has a
/// pipe, too, unless it closes that. Nor does anybody see what they write but the peer, which takes it from the socket;
/// but that makes room there, of which the kernel tells.
final class Stragglers: Sendable {
    enum Outcome: Sendable {
        /// There are none, or no more.
        case gone
        /// The peer has ended the line.
        case peerGone
        /// They have been silent for as long as they may.
        case silent
    }

    private let line: StreamSocket
    private let silence: Duration
    private let outcome = Latch<Outcome>()
    private let hasWritten = Lock(false)

    private init(_ line: StreamSocket, _ silence: Duration) {
        self.line = line
        self.silence = silence
    }

    /// Waits for the end of what the stragglers write to a line.
    /// - Parameter holders: the pipe, which is at its end when nothing has it any more.
    static func wait(_ holders: PipeEnd, on line: StreamSocket, silence: Duration) async -> Outcome {
        let stragglers = Stragglers(line, silence)
        return await stragglers.wait(holders)
    }

    private func wait(_ holders: PipeEnd) async -> Outcome {
        Task.onLoop { [outcome] in
            do { while try await holders.read() != nil {} } catch {}
            outcome.set(.gone)
        }
        let loop = try? EventLoop.shared
        let source = try? loop?.reactor.watch(line.descriptor.rawValue, for: [.write, .edge]) { [self] in
            if $0.isDisjoint(with: [.hangup, .error]) {
                hasWritten.withLock { $0 = true }
            } else {
                outcome.set(.peerGone)
            }
        }
        awaitSilence(on: loop)
        let end = await outcome.wait() ?? .gone
        source?.cancel()
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
            // What the peer has not taken keeps them from writing more.
            if hasWritten || clinux_bytes_unread(line.descriptor.rawValue) > 0 {
                awaitSilence(on: loop)
            } else {
                outcome.set(.silent)
            }
        }
    }
}
