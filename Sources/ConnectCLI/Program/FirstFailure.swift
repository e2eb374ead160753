import ConnectToLinux

/// Remembers the first failure that did not end the program. With `--once` its status becomes the exit status.
final class FirstFailure: Sendable {
    private let first = Lock<ExitStatus?>(nil)

    var status: ExitStatus { first.withLock { $0 } ?? .success }

    func note(_ failure: Failure) {
        first.withLock { $0 = $0 ?? failure.status }
    }
}
