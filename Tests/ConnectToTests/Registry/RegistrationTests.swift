import ConnectToDBus
import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Testing

@testable import ConnectTo

@Suite("Registering a context", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct RegistrationTests {
    @Test("After a context is unregistered callers find no name, and open ports go on")
    func unregisteredNameIsUnavailable() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let context = try await there.register("x")
        let port = here.connectTo("x")
        let event = try #require(await context.nextConnect())
        await context.unregister()
        #expect(context.endReason == .unregistered)
        #expect(context.status != .registered)
        #expect(try await here.directory() == [])
        #expect(try await here.connectTo("x", options: .init(wait: .now)).waitUntilClosed().code == .unavailable)
        try port.postMessage("still here")
        #expect(try await event.source.nextText() == "still here")
        try event.source.postMessage("so am I")
        #expect(try await port.nextText() == "so am I")
        await context.unregister()
        #expect(context.endReason == .unregistered)
    }

    @Test("Dropping a context unregisters it, and the name can be registered again at once, by the same program too")
    func droppedContextUnregisters() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let changes = try await here.changes()
        var events = changes.makeAsyncIterator()
        do { _ = try await there.register("x") }
        #expect(try await events.next()?.kind == .registered)
        #expect(try await events.next()?.kind == .unregistered)
        for _ in 0..<50 {
            let context = try await there.register("x")
            #expect(context.status == .registered)
        }
    }

    @Test("A program that registers a name while another unregisters it gets the name or an error")
    func overlappingRegistration() async throws {
        let there = try await Bus.onPrivateBus()
        for _ in 0..<50 {
            let first = try await there.register("x")
            async let unregistering: Void = first.unregister()
            let second = try? await there.register("x")
            await unregistering
            // Whichever came first: who says that it is registered can be connected to.
            if let second {
                #expect(second.status == .registered)
                try await there.connectTo("x", options: .init(wait: .now)).waitUntilOpen()
                await second.unregister()
            }
        }
    }

    @Test("A name is taken for a second context of the same program, and the error says that its own context has it")
    func nameTakenByThisProcess() async throws {
        let bus = try await Bus.onPrivateBus()
        let first = try await bus.register("x")
        let error = await #expect(throws: ConnectToError.self) { try await bus.register("x") }
        #expect(error?.code == .nameTaken)
        #expect(error?.owner?.pid == getpid())
        #expect(error?.message.contains("this process itself; unregister that context") == true)
        // Under another origin it is another name.
        let second = try await bus.register("x", origin: "org.example")
        #expect(first.status == .registered && second.status == .registered)
    }

    @Test("A name that a program owns without a context is taken too")
    func nameTakenByProgramWithoutContext() async throws {
        let bus = try await Bus.onPrivateBus()
        let stranger = try await ScriptedListener("x", at: "/elsewhere")
        let error = await #expect(throws: ConnectToError.self) { try await bus.register("x") }
        #expect(error?.code == .nameTaken)
        #expect(error?.owner?.busName == stranger.connection.uniqueName)
        // Nothing is left behind: calls for it find no object.
        #expect(try await bus.connectTo("x", options: .init(wait: .now)).waitUntilClosed().code == .unavailable)
        var changes = try await bus.changes().makeAsyncIterator()
        await stranger.close()
        #expect(try await changes.next()?.kind == .unregistered)
        #expect(try await bus.register("x").status == .registered)
    }

    @Test("Invalid names, metadata and limits are refused before the bus is asked")
    func invalidRegistrationAsksNothing() async throws {
        let bus = try await Bus.onPrivateBus()
        for (name, origin) in [
            ("", "org.connectto"), ("x", "nodots"), (String(repeating: "-", count: 78), "org.connectto"),
        ] {
            let error = await #expect(throws: ConnectToError.self) {
                try await bus.register(name, origin: origin)
            }
            #expect(error?.code == .invalidName)
        }
        let manyKeys = Dictionary(uniqueKeysWithValues: (0...1_024).map { ("\($0)", "") })
        for (metadata, fault) in [
            (["a": String(repeating: "x", count: 64 << 10)], "65537 bytes"), (["a": "\0"], "NUL"),
            (manyKeys, "1025 keys"),
        ] {
            let error = await #expect(throws: ConnectToError.self) {
                try await bus.register("x", options: .init(metadata: metadata))
            }
            #expect(error?.code == .invalidMetadata)
            #expect(error?.message.contains(fault) == true)
        }
        #expect(try await bus.directory() == [])
    }

    @Test("Strange names are registered, listed and connected to as they are")
    func strangeNamesWork() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let names = [
            "/.-:_", " a b ", "\t\n\r", "7up", "-x", "\0", "日本", "caf\u{e9}", "cafe\u{301}", "_5f", "a/../b",
            String(repeating: "é", count: 38),
        ]
        var contexts: [Context] = []
        for name in names { contexts.append(try await there.register(name)) }
        let listed = try await here.directory().map { Array($0.name.utf8) }
        #expect(Set(listed) == Set(names.map { Array($0.utf8) }))
        #expect(listed.count == names.count)
        for (name, context) in zip(names, contexts) {
            let port = here.connectTo(name, options: .init(wait: .now))
            let event = try #require(await context.nextConnect())
            try event.source.postMessage(name)
            let text = try #require(try await port.nextText())
            #expect(Array(text.utf8) == Array(name.utf8))
        }
    }

    @Test("Many names are requested at once, and all are registered")
    func manyNamesAtOnce() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let contexts = try await withThrowingTaskGroup(of: Context.self) { group in
            for index in 0..<500 { group.addTask { try await there.register("name \(index)") } }
            return try await group.reduce(into: [Context]()) { $0.append($1) }
        }
        #expect(contexts.count == 500)
        #expect(contexts.count { $0.status == .registered } == 500)
        #expect(Set(try await here.directory().map(\.name)) == Set(contexts.map(\.name)))
    }

    @Test("A bus that gave a name after the request had timed out does not keep the name from this program")
    func nameGivenTooLate() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let daemon = try PrivateBus.current.processID
        kill(daemon, SIGSTOP)
        let error = await #expect(throws: ConnectToError.self) { try await there.register("x") }
        #expect(error?.code == .timedOut)
        // What the bus then says of the first time is not taken for news of the second.
        async let again = there.register("x")
        for _ in 0..<10 { await Task(executorPreference: there.loop.executor) { await Task.yield() }.value }
        kill(daemon, SIGCONT)
        let second = try await again
        #expect(second.status == .registered)
        #expect(try await here.directory().first?.owner == there.connection.uniqueName)
        #expect(second.status == .registered)
        await second.unregister()
        #expect(try await here.register("x").status == .registered)
    }

    @Test("unregister in a task that is cancelled returns when the bus has confirmed it")
    func unregisterInCancelledTask() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        for round in 0..<10 {
            let context = try await there.register("x")
            let leaving = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                // This begins to unregister it already, and does not wait.
                await #expect(throws: ConnectToError.self) { for try await _ in context.connectEvents {} }
                await context.unregister()
            }
            await leaving.value
            #expect(context.registration.isGone.value != nil, "round \(round)")
            let next = try await here.register("x")
            #expect(next.status == .registered, "round \(round)")
            await next.unregister()
        }
    }
}
