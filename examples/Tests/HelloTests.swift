import ConnectToTesting
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
            let second = try await outcome(of: .built("hello"), "listen")
            #expect(!second.isSuccess)
            #expect(second.errors.contains("is taken"))
            #expect(second.errors.count { $0 == "\n" } == 1)
        }
    }

    @Test("without a bus it says so in one line")
    func noBus() async throws {
        try PrivateBus.current.kill()
        let alone = try await outcome(of: .built("hello"))
        #expect(!alone.isSuccess)
        #expect(alone.errors.hasPrefix("hello: "))
        #expect(alone.errors.count { $0 == "\n" } == 1)
    }
}
