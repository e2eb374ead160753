import Dispatch
import Glibc
import Synchronization

/// Closes descriptors that came from peers, off the loop: closing a file of a hung file system, or a socket that
/// was told to linger, blocks, perhaps for ever.
///
/// What blocks keeps one of a few threads. When all of them are kept, what else is to be closed waits, and counts
/// against the ``DescriptorBudget``: the process takes no more descriptors from peers than that, and does all else.
enum ForeignClosing {
    static let threadLimit = 8

    private struct State {
        var waiting: [Int32] = []
        var idleThreads = Array(0..<threadLimit)
    }

    private static let state = Mutex(State())
    /// Serial ones: they get a thread each, whatever others of the process block.
    private static let threads = (0..<threadLimit).map { DispatchQueue(label: "org.connectto.close-\($0)") }
    private static let unclosed = DispatchGroup()

    static func close(_ number: Int32) {
        unclosed.enter()
        DescriptorBudget.count(1)
        let thread = state.withLock { state in
            state.waiting.append(number)
            return state.idleThreads.popLast()
        }
        guard let thread else { return }
        threads[thread].async { closeAll(on: thread) }
    }

    private static func closeAll(on thread: Int) {
        while let number = next(for: thread) {
            _ = Glibc.close(number)
            DescriptorBudget.count(-1)
            unclosed.leave()
        }
    }

    private static func next(for thread: Int) -> Int32? {
        state.withLock { state in
            if let number = state.waiting.popLast() { return number }
            state.idleThreads.append(thread)
            return nil
        }
    }

    static func settle() {
        unclosed.wait()
    }
}
