import ConnectToLinux
import Synchronization

/// Reads files that may never answer: they are in a root directory that the other process may have made itself.
enum ProcessReading {
    private static let underWay = Atomic<Int>(0)
    /// How many reads may hang at the same time, each with a thread; above it files count as unreadable.
    private static let limit = 8
    private static let deadline = Duration.seconds(1)

    /// A file that does not answer within a second counts as unreadable too, and so does any file where the system has
    /// no thread left: Dispatch would block its caller, which is the loop, until there is one.
    static func rootFile(_ name: String, of pid: Int32, limit size: Int) async -> RootFile {
        if underWay.add(1, ordering: .relaxed).newValue > limit {
            underWay.subtract(1, ordering: .relaxed)
            return .unreadable
        }
        let answer = Latch<RootFile>()
        do throws(SystemError) {
            try startDetachedThread(named: "connectto-proc") {
                answer.set(ConnectToLinux.rootFile(name, of: pid, limit: size))
                underWay.subtract(1, ordering: .relaxed)
            }
        } catch {
            underWay.subtract(1, ordering: .relaxed)
            return .unreadable
        }
        return await answer.wait(atMost: deadline) ?? .unreadable
    }
}

extension Latch {
    /// Waits for the value; nil where the time is over or the waiting task is cancelled first.
    func wait(atMost limit: Duration) async -> Value? {
        let waiting = Task { await wait() }
        let timer = Task {
            try await Task.sleep(for: limit)
            waiting.cancel()
        }
        defer { timer.cancel() }
        return await withTaskCancellationHandler {
            await waiting.value
        } onCancel: {
            waiting.cancel()
        }
    }
}
