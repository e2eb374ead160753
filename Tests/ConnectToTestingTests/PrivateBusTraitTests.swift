import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Testing

@Suite("The trait .privateBus", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct PrivateBusTraitTests {
    private static let seen = Lock(Set<String>())

    @Test("The trait .privateBus gives each argument of each test a bus of its own", arguments: 1...3)
    func eachArgumentHasItsBus(_: Int) async throws {
        let bus = try PrivateBus.current
        #expect(try await names(on: bus).contains("org.freedesktop.DBus"))
        #expect(Self.seen.withLock { $0.insert(bus.address).inserted })
    }

    @Test("The trait .privateBus reaches the tasks that a test starts")
    func childTasksHaveBus() async throws {
        let own = try PrivateBus.current.address
        async let childs = PrivateBus.current.address
        let tasks = Task { try PrivateBus.current.address }
        #expect(try await childs == own)
        #expect(try await tasks.value == own)
    }
}
