import ConnectToPorts
import Glibc
package import Testing

/// Runs tests where `CONNECTTO_TEST_EXECUTOR` says: with `loop` on ``EventLoop/shared``, else on Swift's own
/// executors (`make test-loop`); see ``Testing/Trait/chosenExecutor``.
package struct ChosenExecutor: TestTrait, SuiteTrait, TestScoping {
    /// Whether it is the loop.
    package static let isLoop = getenv("CONNECTTO_TEST_EXECUTOR").map { String(cString: $0) } == "loop"

    /// On a suite it is every test in it that is run there.
    package var isRecursive: Bool { true }

    package func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        let executor = Self.isLoop ? try EventLoop.shared.executor : nil
        try await withTaskExecutorPreference(executor) { try await function() }
    }
}

extension Trait where Self == ChosenExecutor {
    /// Runs the test's task, or that of each test of the suite, and their child tasks, where the environment says: what
    /// a program may run on the loop has to work there too.
    ///
    /// What a test starts with `Task { }` runs on Swift's own executors all the same: that is the language's rule.
    package static var chosenExecutor: Self { Self() }
}
