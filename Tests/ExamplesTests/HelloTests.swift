import ConnectToTesting
import TestProcesses
import Testing

@Suite("The example hello", .privateBus, .timeLimit(.minutes(1)))
struct HelloTests {
    @Test("one listens, one calls, and each hears the other")
    func greet() async throws {
        try await withExample(.built("hello"), "listen") { listener in
            for _ in 0..<3 {
                let caller = try await outcome(of: .built("hello"))
                #expect(caller.isSuccess)
                #expect(caller.output == "Welcome!\n")
                #expect(await listener.line() == "Hello")
            }
        }
    }
}
