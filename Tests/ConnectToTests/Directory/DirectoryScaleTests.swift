import ConnectToDBus
import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Synchronization
import Testing

@testable import ConnectTo

@Suite("Many names on a bus", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct DirectoryScaleTests {
    @Test("A program that has many names and does not answer is asked about a few, and delays the directory once")
    func silentOwnerOfManyNames() async throws {
        let here = try await Bus.onPrivateBus()
        let owner = try await SilentOwner(of: 200)
        let (entries, took) = try await timed { try await here.directory() }
        #expect(entries.count == 200)
        #expect(entries.allSatisfy { $0.metadata == nil && $0.owner == owner.connection.uniqueName })
        // A bus may allow no more than 128 calls that wait for a reply.
        #expect(owner.asked <= 100)
        #expect(took < .seconds(4))
        await owner.connection.close()
    }

    @Test("Many programs that do not answer delay the directory once, all together, and are in it")
    func silentProgramsDelayOnce() async throws {
        let here = try await Bus.onPrivateBus()
        var owners: [SilentOwner] = []
        for number in 0..<400 { owners.append(try await SilentOwner(of: 1, from: number)) }
        let (entries, took) = try await timed { try await here.directory() }
        #expect(entries.count == owners.count)
        #expect(entries.allSatisfy { $0.metadata == nil && $0.pid != nil && $0.owner != nil })
        // One after the other, 64 at a time, would be seven seconds.
        #expect(took < .seconds(5))
        for owner in owners { await owner.connection.close() }
    }

    @Test("The directory shows a thousand names of one program, each with its metadata")
    func thousandNamesAreListed() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let contexts = try await withThrowingTaskGroup(of: Context.self) { group in
            for number in 0..<1_000 {
                group.addTask { try await there.register("\(number)", options: .init(metadata: ["n": "\(number)"])) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let entries = try await here.directory()
        #expect(entries.count == contexts.count)
        #expect(entries.allSatisfy { $0.metadata == ["n": $0.name] && $0.pid != nil })
    }

    @Test("A context that goes while the snapshot is read stands in it, and its end is among the changes")
    func contextGoneDuringSnapshot() async throws {
        let here = try await Bus.onPrivateBus()
        let owner = try await SilentOwner(of: 200)
        async let watching = here.changes()
        await owner.isAsked.wait()
        await owner.connection.close()
        let changes = try await watching
        var names = Set(changes.snapshot.map(\.name))
        #expect(names.count == 200)
        for try await change in changes {
            #expect(change.kind == .unregistered)
            #expect(names.remove(change.entry.name) != nil)
            if names.isEmpty { break }
        }
    }
}

/// Owns names and answers nothing.
private final class SilentOwner: Sendable {
    let connection: BusConnection
    let isAsked = Latch<Void>()
    private let calls = Atomic(0)

    var asked: Int { calls.load(ordering: .relaxed) }

    init(of count: Int, from first: Int = 0) async throws {
        connection = try await BusConnection.open(
            address: try PrivateBus.current.address, on: try EventLoop.shared.reactor)
        await connection.export { [weak self] _ in
            self?.calls.add(1, ordering: .relaxed)
            self?.isAsked.set()
            return true
        }
        for number in first..<(first + count) {
            let context = try ContextName("silent \(number)")
            _ = try await connection.requestName(context.busName, flags: [])
        }
    }
}
