import Dispatch
import Glibc

/// Closes descriptors that came from peers, off the loop: closing a file of a hung file system, or a socket that
/// was told to linger, blocks, perhaps for ever.
///
/// One thread does it. While that one blocks another begins, after 100 ms, up to a few. When all of them block,
/// what else is to be closed waits, and counts against the ``DescriptorBudget``: the process takes no more
/// descriptors from peers than that, and does all else.
enum ForeignClosing {
    private static let threadLimit = 8
    /// In microseconds.
    private static let patience: UInt32 = 100_000

    private struct State {
        var waiting: [Int32] = []
        var idleThreads = Array(0..<threadLimit)
        /// How many have been closed, ever.
        var closed = 0
        /// How many are not closed yet: those that wait, and those that a thread closes now.
        var unclosed = 0
        var callsAtNext: [@Sendable () -> Void] = []
        var isWatched = false
    }

    private static let state = Lock(State())
    /// Serial ones: they get a thread each, whatever others of the process block.
    private static let threads = (0..<threadLimit).map { DispatchQueue(label: "org.connectto.close-\($0)") }
    private static let watch = DispatchQueue(label: "org.connectto.close-watch")
    private static let unclosed = DispatchGroup()

    static func close(_ number: Int32) {
        unclosed.enter()
        DescriptorBudget.count(1)
        let thread: Int? = state.withLock { state in
            state.waiting.append(number)
            state.unclosed += 1
            if state.idleThreads.count == threadLimit { return state.idleThreads.popLast() }
            watchProgress(&state)
            return nil
        }
        if let thread { begin(thread) }
    }

    private static func begin(_ thread: Int) {
        threads[thread].async {
            while let number = next(for: thread) {
                _ = Glibc.close(number)
                let calls = state.withLock { state in
                    state.closed += 1
                    state.unclosed -= 1
                    defer { state.callsAtNext = [] }
                    return state.callsAtNext
                }
                for call in calls { call() }
                DescriptorBudget.count(-1)
                unclosed.leave()
            }
        }
    }

    private static func next(for thread: Int) -> Int32? {
        state.withLock { state in
            if let number = state.waiting.popLast() { return number }
            state.idleThreads.append(thread)
            return nil
        }
    }

    /// Looks a little later whether anything has been closed since, for as long as something waits.
    private static func watchProgress(_ state: inout State) {
        if state.isWatched || state.idleThreads.isEmpty || state.waiting.isEmpty { return }
        state.isWatched = true
        let before = state.closed
        // Not a timer of Dispatch's, for which that would open descriptors.
        watch.async {
            usleep(patience)
            let thread: Int? = Self.state.withLock { state in
                state.isWatched = false
                defer { watchProgress(&state) }
                return state.closed == before && !state.waiting.isEmpty ? state.idleThreads.popLast() : nil
            }
            if let thread { begin(thread) }
        }
    }

    static var isUnderWay: Bool { state.withLock { $0.unclosed > 0 } }

    /// Calls when the next one has been closed; at once where none is to be.
    static func afterNext(_ call: @escaping @Sendable () -> Void) {
        let isUnderWay = state.withLock { state in
            if state.unclosed > 0 { state.callsAtNext.append(call) }
            return state.unclosed > 0
        }
        if !isUnderWay { call() }
    }

    static func settle() {
        unclosed.wait()
    }
}
