import ConnectToLinux
import ConnectToPorts
import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Testing

@Suite("The executor of a test", .timeLimit(.minutes(1)))
enum ChosenExecutorTests {
    @Suite("A test with the trait .chosenExecutor", .chosenExecutor) struct WithTheTrait {
        @Test(
            "A test with the trait .chosenExecutor that waits runs where the environment says, and its child tasks too")
        func waitingTestRunsOnChosenExecutor() async throws { try await expectChosenExecutor() }

        @Test("A test with the trait .chosenExecutor that does not wait runs where the environment says")
        func testWithoutWaitRunsOnChosenExecutor() throws { #expect(try isOnLoop == isLoopWanted) }
    }

    @Suite("A test with the traits .privateBus and .chosenExecutor", .privateBus, .chosenExecutor) struct WithABus {
        @Test("A test with the traits .privateBus and .chosenExecutor runs where the environment says")
        func testWithBusRunsOnChosenExecutor() async throws { try await expectChosenExecutor() }
    }

    /// An unknown word in the environment fails too.
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
