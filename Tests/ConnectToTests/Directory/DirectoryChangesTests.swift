import ConnectToDBus
import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectTo

@Suite("The changes of the directory", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct DirectoryChangesTests {
    @Test("Under churn, the changes of the directory fit the snapshot one by one, and lead to what is registered")
    func changesFitSnapshotUnderChurn() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let churning = Task {
            var registered: [Context] = []
            for round in 0..<200 {
                registered.append(try await there.register("churn \(round % 5)"))
                if registered.count > 3 { await registered.removeFirst().unregister() }
            }
            registered.append(try await there.register("the last"))
            return registered
        }
        // Watchers that begin in the middle of it, one after the other.
        try await withThrowingDiscardingTaskGroup { group in
            for _ in 0..<20 {
                let changes = try await here.changes()
                group.addTask {
                    let names = try await Self.replay(changes)
                    #expect(names == Set(try await here.directory().map(\.name)))
                }
            }
        }
        let registered = try await churning.value
        #expect(Set(try await here.directory().map(\.name)) == Set(registered.map(\.name)))
    }

    /// Applies the changes until the last has come.
    private static func replay(_ changes: DirectoryChanges) async throws -> Set<String> {
        var names = Set(changes.snapshot.map(\.name))
        if names.contains("the last") { return names }
        for try await change in changes {
            let name = change.entry.name
            // What stands in the snapshot already is not told again.
            switch change.kind {
            case .registered: #expect(names.insert(name).inserted)
            case .moved: #expect(names.contains(name))
            case .unregistered: #expect(names.remove(name) != nil)
            default: Issue.record("an unknown change: \(change.kind)")
            }
            if name == "the last" { return names }
        }
        return names
    }

    @Test("A change of the directory has its kind, its owner, and the context's metadata")
    func changesHaveKindOwnerMetadata() async throws {
        let (here, first, second) = (
            try await Bus.onPrivateBus(), try await Bus.onPrivateBus(), try await Bus.onPrivateBus()
        )
        var changes = try await here.changes().makeAsyncIterator()
        let owner = try await first.register("x", options: .init(metadata: ["n": "1"]))
        let standby = try await second.register("x", options: .init(metadata: ["n": "2"], ownership: .standby))
        let registered = try #require(try await changes.next())
        #expect(registered.kind == .registered)
        #expect(registered.entry.owner == first.connection.uniqueName)
        #expect(registered.entry.metadata == ["n": "1"])
        await owner.unregister()
        let moved = try #require(try await changes.next())
        #expect(moved.kind == .moved)
        #expect(moved.entry.owner == second.connection.uniqueName)
        #expect(moved.entry.metadata == ["n": "2"])
        await standby.unregister()
        let unregistered = try #require(try await changes.next())
        #expect(unregistered.kind == .unregistered)
        #expect(unregistered.entry.owner == nil)
        #expect(unregistered.entry.name == "x")
    }

    @Test("A change of the directory that is taken late shows nothing of a later owner")
    func lateChangeShowsItsOwnOwner() async throws {
        let (here, first, second) = (
            try await Bus.onPrivateBus(), try await Bus.onPrivateBus(), try await Bus.onPrivateBus()
        )
        var changes = try await here.changes().makeAsyncIterator()
        let former = try await first.register("x", options: .init(metadata: ["n": "1"]))
        await former.unregister()
        let latter = try await second.register("x", options: .init(metadata: ["n": "2"]))
        let registered = try #require(try await changes.next())
        #expect(registered.entry.owner == first.connection.uniqueName)
        #expect(registered.entry.metadata == nil)
        #expect(try await changes.next()?.kind == .unregistered)
        #expect(try await changes.next()?.entry.metadata == ["n": "2"])
        withExtendedLifetime(latter) {}
    }

    @Test("A program that does not answer delays the changes of the directory once, however many names it has")
    func silentOwnerIsAwaitedOnce() async throws {
        let here = try await Bus.onPrivateBus()
        try await expectPromptly {
            let changes = try await here.changes()
            let silent = try await ScriptedListener("silent")
            for number in 0..<4 { try await silent.own("silent \(number)") }
            var events = changes.makeAsyncIterator()
            #expect(try await events.next()?.entry.metadata == nil)
            let start = ContinuousClock.now
            for _ in 0..<4 { #expect(try await events.next()?.entry.metadata == nil) }
            await silent.close()
            return ContinuousClock.now - start
        }
    }

    @Test("The changes of one origin contain that origin, and none that only begins like it")
    func changesOfOneOrigin() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        var changes = try await here.changes(origin: "org.example").makeAsyncIterator()
        var contexts: [Context] = []
        for origin in ["org.example.Context", "org.examples", "org.connectto", "org.example"] {
            contexts.append(try await there.register("x", origin: origin))
        }
        #expect(try await changes.next()?.entry.origin == "org.example")
        for context in contexts { await context.unregister() }
        #expect(try await changes.next()?.entry.origin == "org.example")
    }

    @Test("Losing the bus ends the changes of the directory with that reason")
    func busLossEndsChanges() async throws {
        let here = try await Bus.onPrivateBus(reconnectingFor: .zero)
        var changes = try await here.changes().makeAsyncIterator()
        try PrivateBus.current.kill()
        let error = await #expect(throws: ConnectToError.self) { try await changes.next() }
        #expect(error?.code == .busLost)
    }

    @Test("A program that keeps only the changes of the directory goes on getting them")
    func changesAloneKeepBus() async throws {
        let there = try await Bus.onPrivateBus()
        var changes = try await Bus.onPrivateBus().changes().makeAsyncIterator()
        let context = try await there.register("x")
        #expect(try await changes.next()?.entry.name == "x")
        withExtendedLifetime(context) {}
    }

    @Test("Dropped changes of the directory are no longer watched, and the bus can go")
    func droppedChangesReleaseBus() async throws {
        try await expectNoDescriptorLeak {
            let here = try await Bus.onPrivateBus()
            for _ in 0..<3 { _ = try await here.changes() }
        }
    }

    @Test("A cancelled task no longer watches the changes of the directory")
    func cancelledTaskEndsChanges() async throws {
        let here = try await Bus.onPrivateBus()
        let changes = try await here.changes()
        let watching = Task { for try await _ in changes {} }
        watching.cancel()
        _ = await watching.result
        // The bus can be let go, and others can watch.
        #expect(try await here.changes().snapshot == [])
    }

    @Test("Many watchers of one bus get the same changes, each at its own pace")
    func watchersGetSameChanges() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        var watchers: [DirectoryChanges] = []
        for _ in 0..<20 { watchers.append(try await here.changes()) }
        watchers.removeFirst(5)
        let context = try await there.register("x")
        for watcher in watchers {
            var changes = watcher.makeAsyncIterator()
            #expect(try await changes.next()?.entry.name == "x")
        }
        withExtendedLifetime(context) {}
    }
}
