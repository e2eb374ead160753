import Testing

/// How long something took, beside what it gave.
func timed<Result>(_ body: () async throws -> Result) async rethrows -> (Result, took: Duration) {
    let start = ContinuousClock.now
    let result = try await body()
    return (result, ContinuousClock.now - start)
}

/// Plays a scene, up to five times, until what it measures takes less than a second.
///
/// What waits for a deadline is slow every time; what is prompt may once find the machine busy with the tests
/// beside it.
func expectPromptly(
    sourceLocation: SourceLocation = #_sourceLocation, _ scene: () async throws -> Duration
) async throws {
    var times: [Duration] = []
    for _ in 0..<5 {
        times.append(try await scene())
        if times.last ?? .zero < .seconds(1) { return }
    }
    Issue.record("never took less than a second: \(times)", sourceLocation: sourceLocation)
}
