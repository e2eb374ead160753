import ConnectTo
import ConnectToLinux
import Glibc

/// Why the command did not do what was asked: the exit status, and one text line that says what happened, to what, and
/// what to do next.
struct Failure: Error, Sendable, Equatable {
    let status: ExitStatus
    /// `nil` if there is nothing to say.
    let message: String?
    /// The library's code, where the failure comes from the library.
    let cause: Cause?

    enum Cause: Sendable, Equatable {
        /// An error of a call on a bus.
        case error(ConnectToError.Code)
        /// The end of a port.
        case end(CloseReason.Code)
    }

    init(_ status: ExitStatus, _ message: String?, cause: Cause? = nil) {
        self.status = status
        self.message = message
        self.cause = cause
    }

    /// The reader of standard output has gone, and there is output for it.
    static let readerGone = Failure(
        .inputOutput, "the reader of standard output has gone; let it read to the end, or redirect to a file")
}

/// The exit status of the command: 0, a code of `sysexits.h`, or 128 plus a signal's number.
enum ExitStatus: Sendable, Equatable {
    case success
    /// 64: a wrong command line, or an invalid name.
    case usage
    /// 65: a message cannot be sent as asked.
    case unsendable
    /// 68: no context has this name.
    case noSuchName
    /// 69: the bus cannot be reached, or was lost.
    case busUnavailable
    /// 70: the other program has answered a request with a failure.
    case requestFailed
    /// 73: another process owns the name.
    case nameTaken
    /// 74: input or output failed, also for lack of descriptors; or the peer closed before it had taken all input.
    case inputOutput
    /// 75: timed out.
    case timedOut
    /// Also 75: the listener has no room just now, which `sysexits.h` calls a temporary failure.
    case busy
    /// 76: the peer broke the protocol, died, or could not be started.
    case peerFailed
    /// 77: refused.
    case refused
    /// 128 + number: a signal ended the command.
    case signal(Int32)

    var code: Int32 {
        switch self {
        case .success: EX_OK
        case .usage: EX_USAGE
        case .unsendable: EX_DATAERR
        case .noSuchName: EX_NOHOST
        case .busUnavailable: EX_UNAVAILABLE
        case .requestFailed: EX_SOFTWARE
        case .nameTaken: EX_CANTCREAT
        case .inputOutput: EX_IOERR
        case .timedOut, .busy: EX_TEMPFAIL
        case .peerFailed: EX_PROTOCOL
        case .refused: EX_NOPERM
        case .signal(let number): 128 + number
        }
    }
}

/// Remembers the first failure that did not end the program. With `--once` its status becomes the exit status.
final class FirstFailure: Sendable {
    private let first = Lock<ExitStatus?>(nil)

    var status: ExitStatus { first.withLock { $0 } ?? .success }

    func note(_ failure: Failure) {
        first.withLock { $0 = $0 ?? failure.status }
    }
}
