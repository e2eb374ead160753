import CConnectToLinux
import ConnectToLinux
import Glibc

/// A thread that may block: the executor of what reads and writes descriptors 0–2.
///
/// Those belong to others as well (O_NONBLOCK on them would change the shell's terminal), so reading and
/// writing them blocks, and the threads of Swift's own pool are too few to be blocked.
final class WorkerThread: SerialExecutor {
    private enum Work {
        case job(UnownedJob)
        case call(@Sendable () -> Void)
    }

    private let work = Lock<[Work]>([])
    private let wakeup: Descriptor

    /// - Throws: ``SystemError`` where the process has no descriptors or threads left.
    init(name: String) throws(SystemError) {
        wakeup = Descriptor(adopting: try systemCall("eventfd") { clinux_eventfd() })
        // The thread lives as long as the process: each reads or writes a standard stream, or starts commands.
        try startDetachedThread(named: name) { [self] in
            while true { runOrWait() }
        }
    }

    /// Runs a closure on the thread, in the order of the calls.
    func execute(_ call: @escaping @Sendable () -> Void) {
        submit(.call(call))
    }

    /// Runs a closure on the thread, and waits for what it gives.
    func run<Result: Sendable>(_ call: @escaping @Sendable () -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            execute { continuation.resume(returning: call()) }
        }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        submit(.job(UnownedJob(job)))
    }

    private func submit(_ item: Work) {
        let isFirst = work.withLock { work in
            work.append(item)
            return work.count == 1
        }
        guard isFirst else { return }
        var one: UInt64 = 1
        _ = try? systemCall("write") { write(wakeup.rawValue, &one, 8) }
    }

    private func runOrWait() {
        let items = work.withLock { work in
            defer { work = [] }
            return work
        }
        if items.isEmpty {
            waitForWork()
            return
        }
        for item in items {
            switch item {
            case .call(let call): call()
            case .job(let job): job.runSynchronously(on: asUnownedSerialExecutor())
            }
        }
    }

    private func waitForWork() {
        var request = pollfd(fd: wakeup.rawValue, events: Int16(POLLIN), revents: 0)
        _ = poll(&request, 1, -1)
        var count: UInt64 = 0
        _ = read(wakeup.rawValue, &count, 8)
    }
}
