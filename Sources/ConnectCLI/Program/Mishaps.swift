import ConnectToLinux

/// What went wrong and ended nothing: the first of it is what `--once` ends with.
final class Mishaps: Sendable {
    private let first = Lock<ExitStatus?>(nil)

    var status: ExitStatus { first.withLock { $0 } ?? .success }

    func note(_ failure: Failure) {
        first.withLock { $0 = $0 ?? failure.status }
    }
}
