import CConnectToLinux
import ConnectToLinux
import Glibc
import SystemPackage

/// Delivers signals as events on the loop.
struct Signals: Sendable {
    private let writeEnd: StreamSocket
    private let source: Reactor.Source

    /// The signals that ask a program to end.
    static var ending: [Int32] { [SIGINT, SIGTERM] + (isIgnored(SIGHUP) ? [] : [SIGHUP]) }

    /// - Parameters:
    ///   - insists: whether a second signal ends the process even if the loop is blocked.
    ///   - handler: runs on the loop with the signal's number. Several signals with the same number may cause only one
    ///     call.
    init(
        _ signals: [Int32], insists: Bool = false, on reactor: Reactor,
        _ handler: @escaping @Sendable (Int32) -> Void
    ) throws(SystemError) {
        let (readEnd, writeEnd) = try StreamSocket.pair()
        let target = writeEnd.descriptor.rawValue
        // The signal handler must never block. The flag affects no other process, since this end is not shared.
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

    /// `nohup` starts the command with SIGHUP ignored, which has to stay so.
    private static func isIgnored(_ number: Int32) -> Bool {
        var action = sigaction()
        guard sigaction(number, nil, &action) == 0 else { return false }
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1  // SIG_IGN
    }
}
