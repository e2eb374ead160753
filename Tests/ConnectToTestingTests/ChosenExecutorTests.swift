import ConnectToTesting
import Glibc
import LinuxIO
import Ports
import Testing

/// Whether the environment asks for the loop. What it does not understand fails these tests.
private let isLoopWanted = getenv("CONNECTTO_TEST_EXECUTOR") != nil

@Suite("Where tests run", .timeLimit(.minutes(1)))
struct ChosenExecutorTests {
    let loop: EventLoop

    init() throws {
        loop = try EventLoop.shared
    }

    @Test("is the loop if the environment says so, by the trait .chosenExecutor", .chosenExecutor)
    func trait() async { await expectChosenExecutor() }

    @Test("and by the trait .privateBus", .privateBus)
    func privateBus() async { await expectChosenExecutor() }

    @Test("and for a test that does not wait", .chosenExecutor)
    func synchronous() { #expect(loop.reactor.isCurrent == isLoopWanted) }

    private func expectChosenExecutor() async {
        #expect(loop.reactor.isCurrent == isLoopWanted)
        await Task.yield()
        #expect(loop.reactor.isCurrent == isLoopWanted)
        async let child = loop.reactor.isCurrent
        #expect(await child == isLoopWanted)
    }
}
