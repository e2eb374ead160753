import Dispatch
import Glibc

/// Closes descriptors that came from peers, off the loop: closing a file of a hung file system, or a socket that
/// was told to linger, blocks, perhaps for ever.
///
/// One thread does it. While that one blocks another begins, after 100 ms, up to a few. When all of them block,
/// what else is to be closed waits, and counts against the ``DescriptorBudget``: the process takes no more
/// descriptors from peers than that, and does all else.
///
/// The threads are its own: Dispatch, asked for one where the system has none left, asks again every second, and holds
/// up whoever asked.
enum ForeignClosing {
    private static let threadLimit = 8
    /// In microseconds.
    private static let patience: UInt32 = 100_000

    private struct State {
        var waiting: [Int32] = []
        var threads = 0
        /// How many of them sleep, and have not been called since: one at the most, others end.
        var sleeping = 0
        /// How many have been closed, ever.
        var closed = 0
        /// How many are not closed yet: those that wait, and those that a thread closes now.
        var unclosed = 0
        var callsAtNext: [@Sendable () -> Void] = []
        var isWatched = false
    }

    private static let state = Lock(State())
    private static let calls = DispatchSemaphore(value: 0)
    private static let unclosed = DispatchGroup()

    /// Makes the first thread now. Else it is made when it is needed, and where the system has none then, descriptors
    /// wait for the next attempt.
    static func prepare() throws(SystemError) {
        if state.withLock({ $0.threads == 0 }) { try begin() }
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
                calls.signal()
            } else {
                watchProgress(&state)
            }
            return false
        }
        if isFirst { try? begin() }
    }

    private static func begin() throws(SystemError) {
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
                    defer { state.callsAtNext = [] }
                    return state.callsAtNext
                }
                for call in calls { call() }
                DescriptorBudget.count(-1)
                unclosed.leave()
            case .sleep: calls.wait()
            case .end: return
            }
        }
    }

    /// Looks a little later whether anything has been closed since, for as long as something waits.
    private static func watchProgress(_ state: inout State) {
        if state.isWatched || state.threads == threadLimit || state.waiting.isEmpty { return }
        state.isWatched = true
        let before = state.closed
        // Not a timer of Dispatch's, for which that would open descriptors. Without a thread the next that is to be
        // closed has the progress looked at.
        do throws(SystemError) {
            try startDetachedThread(named: "connectto-watch") {
                usleep(patience)
                let isStuck = Self.state.withLock { state in
                    state.isWatched = false
                    defer { watchProgress(&state) }
                    return state.closed == before && !state.waiting.isEmpty && state.threads < threadLimit
                }
                if isStuck { try? begin() }
            }
        } catch { state.isWatched = false }
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
