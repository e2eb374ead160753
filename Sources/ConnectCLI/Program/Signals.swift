import CConnectToLinux
import ConnectToLinux
import Glibc
import SystemPackage

/// Signals as events on the loop.
struct Signals: Sendable {
    private let writeEnd: StreamSocket
    private let source: Reactor.Source

    /// Those that ask a program to end.
    static var ending: [Int32] { [SIGINT, SIGTERM] + (isIgnored(SIGHUP) ? [] : [SIGHUP]) }

    /// - Parameters:
    ///   - insists: whether the second of them ends the process, also where the loop stands still.
    ///   - handler: runs on the loop with the signal's number, at least once for those that have come since.
    init(
        _ signals: [Int32], insists: Bool = false, on reactor: Reactor,
        _ handler: @escaping @Sendable (Int32) -> Void
    ) throws(SystemError) {
        let (readEnd, writeEnd) = try StreamSocket.pair()
        let target = writeEnd.descriptor.rawValue
        // The handler must never wait; this end is ours alone.
        try systemCall("fcntl") { fcntl(target, F_SETFL, O_NONBLOCK) }
        self.writeEnd = writeEnd
        source = try reactor.watch(readEnd.descriptor.rawValue, for: .read) { _ in
            withUnsafeTemporaryAllocation(byteCount: 16, alignment: 1) { numbers in
                guard case .received(let received)? = try? readEnd.receive(into: numbers) else { return }
                for number in numbers.prefix(received.count) { handler(Int32(number)) }
            }
        }
        try systemCall("sigaction") { clinux_signals_to(target, signals, signals.count, insists) }
    }

    /// `nohup` starts us with SIGHUP ignored, and means it.
    private static func isIgnored(_ number: Int32) -> Bool {
        var action = sigaction()
        guard sigaction(number, nil, &action) == 0 else { return false }
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1  // SIG_IGN
    }
}
