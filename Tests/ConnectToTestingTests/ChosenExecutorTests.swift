import ConnectToLinux
import ConnectToPorts
import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Testing

@Suite("Where tests run", .timeLimit(.minutes(1)))
enum ChosenExecutorTests {
    @Suite("With the trait .chosenExecutor", .chosenExecutor) struct WithTheTrait {
        @Test("is where the environment says, for a test that waits and its child tasks")
        func waits() async throws { try await expectChosenExecutor() }

        @Test("is the same for a test that does not wait")
        func doesNotWait() throws { #expect(try isOnLoop == isLoopWanted) }
    }

    @Suite("With the trait .privateBus", .privateBus, .chosenExecutor) struct WithABus {
        @Test("is where the environment says")
        func waits() async throws { try await expectChosenExecutor() }
    }

    /// A word that the environment has and nobody understands fails too.
    private static var isLoopWanted: Bool { getenv("CONNECTTO_TEST_EXECUTOR") != nil }

    private static var isOnLoop: Bool { get throws { try EventLoop.shared.reactor.isCurrent } }

    private static func expectChosenExecutor() async throws {
        #expect(try isOnLoop == isLoopWanted)
        await Task.yield()
        #expect(try isOnLoop == isLoopWanted)
        async let child = isOnLoop
        #expect(try await child == isLoopWanted)
    }
}
