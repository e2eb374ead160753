import ConnectTo
import ConnectToTestSupport
import ConnectToTesting
import Testing

@Suite("Connecting by name", .chosenExecutor, .timeLimit(.minutes(1)))
struct ConnectTests {
    @Test("Two programs that know nothing but a name talk over a line of their own", .privateBus)
    func twoProgramsConnectByName() async throws {
        let address = try PrivateBus.current.address
        let here = try await Bus.makeSeparate(at: address)
        let there = try await Bus.makeSeparate(at: address)
        let context = try await there.register("the-listener")

        let port = here.connectTo("the-listener")
        try port.postMessage("Hello")

        var events = context.connectEvents.makeAsyncIterator()
        let event = try #require(try await events.next())
        try event.source.postMessage("Welcome!")
        var received = event.source.messages.makeAsyncIterator()
        #expect(try await received.next()?.text == "Hello")
        var answers = port.messages.makeAsyncIterator()
        #expect(try await answers.next()?.text == "Welcome!")
        try await port.waitUntilOpen()

        event.source.close()
        #expect(try await port.waitUntilClosed().code == .closed)
        #expect(try await answers.next() == nil)
    }

    @Test("A caller waits for a listener that starts later", .privateBus)
    func callerWaitsForListener() async throws {
        let address = try PrivateBus.current.address
        let here = try await Bus.makeSeparate(at: address)
        let there = try await Bus.makeSeparate(at: address)
        let port = here.connectTo("late")
        try port.postMessage("first")
        let context = try await there.register("late")
        var events = context.connectEvents.makeAsyncIterator()
        let event = try #require(try await events.next())
        var received = event.source.messages.makeAsyncIterator()
        #expect(try await received.next()?.text == "first")
        try await port.waitUntilOpen()
    }

    @Test("A caller that does not wait learns at once that no program has the name", .privateBus)
    func callerWithoutWaitIsUnavailable() async throws {
        let bus = try await Bus.makeSeparate(at: try PrivateBus.current.address)
        for policy in [WaitPolicy.now, .untilAvailable(for: .zero), .untilAvailable(for: .seconds(-1))] {
            let port = bus.connectTo("nobody", options: .init(wait: policy))
            #expect(try await port.waitUntilClosed().code == .unavailable)
            await #expect(throws: PortError.self) { try await port.waitUntilOpen() }
        }
        let late = bus.connectTo("nobody", options: .init(wait: .untilAvailable(for: .milliseconds(50))))
        #expect(try await late.waitUntilClosed().code == .timedOut)
    }

    @Test("The directory shows which contexts are registered, and its changes which come and go", .privateBus)
    func directoryShowsContextsAndChanges() async throws {
        let address = try PrivateBus.current.address
        let here = try await Bus.makeSeparate(at: address)
        let there = try await Bus.makeSeparate(at: address)
        let first = try await there.register("first", options: .init(metadata: ["kind": "test"]))
        let changes = try await here.changes()
        #expect(changes.snapshot.map(\.name) == ["first"])
        #expect(changes.snapshot.first?.metadata == ["kind": "test"])
        #expect(changes.snapshot.first?.pid != nil)
        let second = try await there.register("second / with: everything\n", origin: "org.example.App")
        await first.unregister()
        var events = changes.makeAsyncIterator()
        let registered = try await events.next()
        #expect(registered?.kind == .registered)
        #expect(
            registered?.entry.context
                == (try ContextName("second / with: everything\n", origin: "org.example.App")))
        let unregistered = try await events.next()
        #expect(unregistered?.kind == .unregistered)
        #expect(unregistered?.entry.name == "first")
        #expect(try await here.directory().map(\.name) == [second.name])
    }

    @Test("A name has one owner, and a second program gets an error that names the owner", .privateBus)
    func takenNameNamesOwner() async throws {
        let address = try PrivateBus.current.address
        let here = try await Bus.makeSeparate(at: address)
        let there = try await Bus.makeSeparate(at: address)
        let context = try await there.register("mine")
        let error = await #expect(throws: ConnectToError.self) { try await here.register("mine") }
        #expect(error?.code == .nameTaken)
        #expect(error?.owner?.pid != nil)
        await context.unregister()
        #expect(try await here.register("mine").status == .registered)
    }
}
