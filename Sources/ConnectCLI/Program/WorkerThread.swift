import CConnectToLinux
import ConnectToLinux
import Glibc

/// A thread that may block: the executor for code that reads and writes descriptors 0–2.
///
/// Other processes share these descriptors (O_NONBLOCK on them would change the shell's terminal too). So reads and
/// writes block, and Swift's own pool has too few threads to be blocked. A Dispatch queue has no thread of its own, and
/// waits for seconds where the process may start none.
final class WorkerThread: SerialExecutor {
    private enum Work {
        case job(UnownedJob)
        case call(@Sendable () -> Void)
    }

    private let work = Lock<[Work]>([])
    private let wakeup: Descriptor

    /// - Throws: ``SystemError`` if the process has no descriptors or threads left.
    init(name: String) throws(SystemError) {
        wakeup = Descriptor(adopting: try systemCall("eventfd") { clinux_eventfd() })
        // The thread lives as long as the process: each one reads or writes a standard stream, or starts commands.
        try startDetachedThread(named: name) { [self] in
            while true { runOrWait() }
        }
    }

    /// Runs a closure on the thread. Closures run in the order of the calls.
    func execute(_ call: @escaping @Sendable () -> Void) {
        submit(.call(call))
    }

    /// Runs a closure on the thread, waits for it, and returns its result.
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
