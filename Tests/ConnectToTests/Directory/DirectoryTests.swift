import ConnectToDBus
import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Testing

@testable import ConnectTo

@Suite("The directory", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct DirectoryTests {
    @Test("The directory shows each context with all that is known of it")
    func entriesHaveAllFacts() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let context = try await there.register("x", origin: "org.example.App", options: .init(metadata: ["k": "é\n"]))
        let entries = try await here.directory()
        #expect(entries.count == 1)
        let entry = try #require(entries.first)
        #expect(entry.context == (try ContextName("x", origin: "org.example.App")))
        #expect(entry.pid == getpid())
        #expect(entry.uid == geteuid())
        #expect(entry.processName?.isEmpty == false)
        #expect(entry.metadata == ["k": "é\n"])
        #expect(entry.owner?.hasPrefix(":") == true)
        withExtendedLifetime(context) {}
    }

    @Test("The directory of one origin shows that origin, and none that only begins like it")
    func directoryOfOneOrigin() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        var contexts: [Context] = []
        for origin in ["org.example", "org.example.Context", "org.example.App", "org.examples"] {
            contexts.append(try await there.register("x", origin: origin))
        }
        #expect(try await here.directory(origin: "org.example").map(\.origin) == ["org.example"])
        #expect(
            try await here.directory(origin: "org.example.Context").map(\.origin) == ["org.example.Context"])
        #expect(try await here.directory().count == 4)
        #expect(try await here.directory(origin: "org.nobody") == [])
    }

    @Test("The directory does not list a standby, a name that is not a context's, or an unregistered context")
    func onlyRegisteredContextsAreListed() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let owner = try await there.register("x")
        let standby = try await here.register("x", options: .init(ownership: .standby))
        _ = try await there.connection.requestName("org.example.Something", flags: [])
        let entries = try await here.directory()
        #expect(entries.map(\.name) == ["x"])
        #expect(entries.first?.owner == there.connection.uniqueName)
        await owner.unregister()
        await standby.unregister()
        #expect(try await here.directory() == [])
    }

    @Test("A context that does not answer is listed all the same, after a second")
    func silentContextIsListed() async throws {
        let here = try await Bus.onPrivateBus()
        let listener = try await ScriptedListener("mute")
        let (entries, took) = try await timed { try await here.directory() }
        #expect(entries.map(\.name) == ["mute"])
        #expect(entries.first?.metadata == nil)
        #expect(entries.first?.pid == getpid())
        #expect(took < .seconds(5))
        await listener.close()
    }

    @Test("A context that answers with invalid values is listed without metadata")
    func contextWithInvalidAnswerIsListed() async throws {
        let here = try await Bus.onPrivateBus()
        let listener = try await ScriptedListener("odd")
        async let entries = here.directory()
        await listener.reply(to: try await listener.nextCall(), [.variant(.string("no metadata"))])
        #expect(try await entries.map(\.metadata) == [nil])
        await listener.close()
    }

    @Test("A context that answers with more metadata than is allowed is listed without it, and info shows it so")
    func contextWithTooMuchMetadataIsListed() async throws {
        let bus = try await Bus.onPrivateBus()
        let listener = try await ScriptedListener("large")
        let large = ["a": String(repeating: "x", count: 64 << 10)].encoded
        async let entries = bus.directory()
        await listener.reply(to: try await listener.nextCall(), [.variant(large)])
        #expect(try await entries.map(\.metadata) == [nil])
        async let info = bus.info("large")
        for _ in 0..<2 {
            let call = try await listener.nextCall()
            let metadata = DBusValue.Pair(.string("Metadata"), .variant(large))
            let isAll = call.member == "GetAll"
            await listener.reply(to: call, [.dictionary(key: "s", value: "v", isAll ? [metadata] : [])])
        }
        let told = try #require(try await info)
        #expect(told.metadata == nil)
        await listener.close()
        await bus.close()
    }

    @Test("A directory of a bus that is gone, or goes meanwhile, is an error and not empty")
    func lostBusIsAnError() async throws {
        let here = try await Bus.onPrivateBus(reconnectingFor: .zero)
        let listener = try await ScriptedListener("mute")
        let asking = Task { try await here.directory() }
        _ = try await listener.nextCall()
        try PrivateBus.current.kill()
        let meanwhile = await #expect(throws: ConnectToError.self) { try await asking.value }
        #expect(meanwhile?.code == .busLost)
        let after = await #expect(throws: ConnectToError.self) { try await here.directory() }
        #expect(after?.code == .busLost)
        let changes = await #expect(throws: ConnectToError.self) { try await here.changes() }
        #expect(changes?.code == .busLost)
    }
}
