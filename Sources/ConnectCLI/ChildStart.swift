import CLinux
import Glibc
import LinuxIO

/// A command that is about to be started: one at a time, and only with enough descriptors left.
///
/// Subprocess ends the whole program where it cannot open one of those that it needs.
final class ChildStart: Sendable {
    /// What a process must be allowed to have open to start commands for peers. With less there is no saying that those
    /// that peers bring leave enough.
    private static let leastLimit = 1_024
    /// For pipes of three streams and of the outcome and for process descriptors, with as many to spare: peers bring
    /// more meanwhile.
    private static let needed = 32
    /// The one before.
    private static let last = Lock<Latch<Void>?>(nil)

    private let hasEnded = Latch<Void>()

    struct NoRoom: Error, CustomStringConvertible {
        var description: String { "this process has too few descriptors left; ulimit -n gives it more" }
    }

    /// - Throws: ``Failure`` where no command can be started for certain.
    static func expectToBePossible() throws(Failure) {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(bitPattern: RLIMIT_NOFILE.rawValue), &limit) == 0,
            limit.rlim_cur < leastLimit
        else { return }
        throw Failure(
            .inputOutput,
            "--exec needs \(leastLimit) descriptors, and this process may have \(limit.rlim_cur); "
                + "raise that before it starts: ulimit -n \(leastLimit)")
    }

    /// Waits for its turn.
    init() async throws(NoRoom) {
        let previous = Self.last.withLock { last in
            defer { last = hasEnded }
            return last
        }
        _ = await previous?.wait()
        if Self.canOpen(Self.needed) { return }
        end()
        throw NoRoom()
    }

    /// The command runs, or could not be run: the next one has its turn.
    func end() { hasEnded.set() }

    deinit { end() }

    private static func canOpen(_ count: Int) -> Bool {
        var opened: [Int32] = []
        defer { for descriptor in opened { close(descriptor) } }
        while opened.count < count {
            let descriptor = clinux_eventfd()
            if descriptor < 0 { return false }
            opened.append(descriptor)
        }
        return true
    }
}
