import Dispatch
import Glibc

/// Closes descriptors that came from peers, on threads of its own: close(2) blocks, perhaps for ever, for a file on a
/// hung file system or a socket with SO_LINGER set.
///
/// One thread closes them one after the other. If nothing has been closed for 100 ms while descriptors wait, another
/// thread starts, up to eight. When all of them block, further descriptors wait and count against the
/// ``DescriptorBudget``: the process then takes no more descriptors from peers than that, and otherwise works on.
///
/// These are not Dispatch's threads: where the system has no thread left, Dispatch tries again every second and blocks
/// its caller meanwhile.
enum PeerDescriptorCloser {
    private static let threadLimit = 8
    /// In microseconds.
    private static let patience: UInt32 = 100_000

    private struct State {
        var waiting: [Int32] = []
        var threads = 0
        /// Threads that sleep and have not been woken: at most one, because a thread that finds another asleep ends.
        var sleeping = 0
        /// Descriptors closed since the process started.
        var closed = 0
        /// Descriptors that wait, and those that a thread is closing now.
        var unclosed = 0
        var callsAfterNext: [@Sendable () -> Void] = []
        var isWatched = false
    }

    private static let state = Lock(State())
    private static let wakeup = DispatchSemaphore(value: 0)
    private static let unclosed = DispatchGroup()

    /// Starts the first thread now. Otherwise ``close(_:)`` starts it, and if the system has no thread left then,
    /// descriptors wait until a later `close` succeeds in starting one.
    static func prepare() throws(SystemError) {
        if state.withLock({ $0.threads == 0 }) { try startThread() }
    }

    static func close(_ number: Int32) {
        unclosed.enter()
        DescriptorBudget.count(1)
        let isFirst = state.withLock { state in
            state.waiting.append(number)
            state.unclosed += 1
            if state.threads == 0 { return true }
            if state.sleeping > 0 {
                state.sleeping -= 1
                wakeup.signal()
            } else {
                watchProgress(&state)
            }
            return false
        }
        if isFirst { try? startThread() }
    }

    private static func startThread() throws(SystemError) {
        state.withLock { $0.threads += 1 }
        do throws(SystemError) {
            try startDetachedThread(named: "connectto-close", closeAll)
        } catch {
            state.withLock { $0.threads -= 1 }
            throw error
        }
    }

    private enum Next {
        case close(Int32)
        case sleep, end
    }

    @Sendable private static func closeAll() {
        while true {
            let next: Next = state.withLock { state in
                if let number = state.waiting.popLast() { return .close(number) }
                if state.sleeping == 0 {
                    state.sleeping = 1
                    return .sleep
                }
                state.threads -= 1
                return .end
            }
            switch next {
            case .close(let number):
                _ = Glibc.close(number)
                let calls = state.withLock { state in
                    state.closed += 1
                    state.unclosed -= 1
                    defer { state.callsAfterNext = [] }
                    return state.callsAfterNext
                }
                for call in calls { call() }
                DescriptorBudget.count(-1)
                unclosed.leave()
            case .sleep: wakeup.wait()
            case .end: return
            }
        }
    }

    /// Checks every 100 ms, while descriptors wait, whether any descriptor has been closed since the last check.
    private static func watchProgress(_ state: inout State) {
        if state.isWatched || state.threads == threadLimit || state.waiting.isEmpty { return }
        state.isWatched = true
        let before = state.closed
        // Not a Dispatch timer: Dispatch opens descriptors for it. If this thread cannot start, the next `close` tries
        // again.
        do throws(SystemError) {
            try startDetachedThread(named: "connectto-watch") {
                usleep(patience)
                let isStuck = Self.state.withLock { state in
                    state.isWatched = false
                    defer { watchProgress(&state) }
                    return state.closed == before && !state.waiting.isEmpty && state.threads < threadLimit
                }
                if isStuck { try? startThread() }
            }
        } catch { state.isWatched = false }
    }

    static var isUnderWay: Bool { state.withLock { $0.unclosed > 0 } }

    /// Calls when the next descriptor has been closed; at once where none is left to close.
    static func afterNext(_ call: @escaping @Sendable () -> Void) {
        let isUnderWay = state.withLock { state in
            if state.unclosed > 0 { state.callsAfterNext.append(call) }
            return state.unclosed > 0
        }
        if !isUnderWay { call() }
    }

    static func waitUntilAllClosed() {
        unclosed.wait()
    }
}
