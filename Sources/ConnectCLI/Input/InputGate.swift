import CConnectToLinux
import ConnectToLinux
import Glibc

/// Decides whether standard input may be read: only while a port is open that can take input.
///
/// Any thread may open or close the gate; the reading thread waits for that.
final class InputGate: Sendable {
    private struct State {
        var isOpen = false
        var isStopped = false
    }

    private let state = Lock(State())
    private let change: Descriptor

    init() throws(SystemError) {
        change = Descriptor(adopting: try systemCall("eventfd") { clinux_eventfd() })
    }

    var isOpen: Bool { state.withLock { $0.isOpen } }
    var isStopped: Bool { state.withLock { $0.isStopped } }

    func open() { set { $0.isOpen = true } }
    func close() { set { $0.isOpen = false } }

    /// Ends all reading.
    func stop() { set { $0.isStopped = true } }

    private func set(_ turn: (inout State) -> Void) {
        state.withLock { turn(&$0) }
        var one: UInt64 = 1
        _ = try? systemCall("write") { write(change.rawValue, &one, 8) }
    }

    /// Why a wait ended.
    enum Wake: Equatable {
        case changed
        /// The descriptor can be read, or is at its end.
        case readable
        case timedOut
    }

    /// Blocks the calling thread until the gate has changed, or the descriptor is readable.
    /// - Parameters:
    ///   - descriptor: `nil` waits for the gate only.
    ///   - milliseconds: -1 waits for ever.
    func wait(orReadable descriptor: Int32?, milliseconds: Int32 = -1) -> Wake {
        var requests = [pollfd(fd: change.rawValue, events: Int16(POLLIN), revents: 0)]
        if let descriptor { requests.append(pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)) }
        let ready = poll(&requests, nfds_t(requests.count), milliseconds)
        if ready == 0 { return .timedOut }
        if ready < 0 || requests[0].revents != 0 {
            var count: UInt64 = 0
            _ = read(change.rawValue, &count, 8)
            return .changed
        }
        return .readable
    }
}
