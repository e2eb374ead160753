package import ConnectToMessaging
package import Testing

/// Runs something that has to end within a time, and says so where it takes longer.
package func promptly<Result>(
    within limit: Duration = .seconds(1), sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () async throws -> Result
) async rethrows -> Result {
    let start = ContinuousClock.now
    let result = try await body()
    let took = ContinuousClock.now - start
    #expect(took < limit, sourceLocation: sourceLocation)
    return result
}

/// Runs something that has to fail with a code, and returns the error where it is a `CallError`.
@discardableResult
package func expectError<Result>(
    _ code: CallError.Code, sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () async throws -> Result
) async -> CallError? {
    do {
        _ = try await body()
        Issue.record("no error, and \(code) was expected", sourceLocation: sourceLocation)
        return nil
    } catch {
        let failure = error as? CallError
        if failure?.code != code {
            Issue.record("\(error), and \(code) was expected", sourceLocation: sourceLocation)
        }
        return failure
    }
}
