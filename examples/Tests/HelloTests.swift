import ConnectToTesting
import Testing

@Suite("The example hello", .privateBus, .timeLimit(.minutes(1)))
struct HelloTests {
    @Test("A hello that listens and one that connects hear each other")
    func listenerAndCallerHearEachOther() async throws {
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

    @Test("A hello without a bus says so in one line")
    func missingBusIsOneLine() async throws {
        try PrivateBus.current.kill()
        let alone = try await outcome(of: .built("hello"))
        #expect(!alone.isSuccess)
        #expect(alone.errors.hasPrefix("hello: "))
        #expect(alone.errors.count { $0 == "\n" } == 1)
    }
}
