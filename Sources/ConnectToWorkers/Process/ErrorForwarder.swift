import ConnectToLinux
import Glibc

/// Writes what workers say to this program's standard error, on a thread that lives while there is something to write:
/// writing may block, for as long as a terminal is stopped or a pipe is full.
enum ErrorForwarder {
    private struct State {
        var waiting: [[UInt8]] = []
        var bytes = 0
        var isWriting = false
        var calls: [@Sendable () -> Void] = []
    }

    private static let state = Lock(State())

    /// How many bytes have not been written yet.
    static var waitingBytes: Int { state.withLock(\.bytes) }

    /// Writes bytes behind those that wait.
    static func write(_ bytes: [UInt8]) {
        let starts = state.withLock { state in
            state.waiting.append(bytes)
            state.bytes += bytes.count
            defer { state.isWriting = true }
            return !state.isWriting
        }
        if starts { startThread() }
    }

    /// Calls once, when everything has been written.
    static func whenWritten(_ call: @escaping @Sendable () -> Void) {
        let isNow = state.withLock { state in
            if state.isWriting { state.calls.append(call) }
            return !state.isWriting
        }
        if isNow { call() }
    }

    private static func startThread() {
        do throws(SystemError) {
            try startDetachedThread(named: "worker-errors") {
                while let bytes = next() { writeNow(bytes) }
            }
        } catch {
            // The system has no thread left. What is lost here is still among the lines of the worker's exit.
            while next() != nil {}
        }
    }

    private static func writeNow(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = try? systemCall("write") {
                rest.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
            }
            // This program's standard error cannot be written.
            guard let count else { return }
            rest = rest.dropFirst(count)
        }
    }

    /// The bytes to write next; nil where there are none, and the thread has to end.
    private static func next() -> [UInt8]? {
        let (bytes, calls) = state.withLock { state -> ([UInt8]?, [@Sendable () -> Void]) in
            if !state.waiting.isEmpty {
                let bytes = state.waiting.removeFirst()
                state.bytes -= bytes.count
                return (bytes, [])
            }
            state.isWriting = false
            defer { state.calls = [] }
            return (nil, state.calls)
        }
        for call in calls { call() }
        return bytes
    }
}
