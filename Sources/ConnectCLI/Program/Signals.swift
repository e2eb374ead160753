import CConnectToLinux
import ConnectTo
import ConnectToLinux
import Glibc
import SystemPackage

/// Delivers signals as events on the loop.
///
/// Not Dispatch's signal source, which has threads of its own, nor signalfd(2): the signals would have to be blocked, and
/// a program that this one starts would inherit that.
struct Signals: Sendable {
    private let ends: [Descriptor]
    private let watch: EventLoop.Watch

    /// The signals that ask a program to end.
    static var ending: [Int32] { [SIGINT, SIGTERM] + (isIgnored(SIGHUP) ? [] : [SIGHUP]) }

    /// - Parameters:
    ///   - insists: whether a second signal ends the process even if the loop is blocked.
    ///   - handler: runs on the loop with the signal's number. Several signals with the same number may cause only one
    ///     call.
    init(
        _ signals: [Int32], insists: Bool = false, on loop: EventLoop,
        _ handler: @escaping @Sendable (Int32) -> Void
    ) throws {
        var numbers: [Int32] = [-1, -1]
        // The signal handler must never block in writing.
        try systemCall("pipe") { clinux_pipe(&numbers, 1) }
        ends = numbers.map { Descriptor(adopting: $0) }
        let (source, target) = (numbers[0], numbers[1])
        watch = try loop.watch(source, for: .read) { _ in
            withUnsafeTemporaryAllocation(byteCount: 16, alignment: 1) { signals in
                let count = read(source, signals.baseAddress, signals.count)
                for number in signals.prefix(max(0, count)) { handler(Int32(number)) }
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
