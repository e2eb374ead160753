import ConnectToDBus
import ConnectToLinux
import ConnectToPorts
import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectTo

@Suite("A watcher of a name's owner", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct OwnerWatchTests {
    @Test("A watcher hears of a name's new owner also where an earlier watcher gives up after a restart of the bus")
    func watcherSurvivesAnothersCancellation() async throws {
        let name = "org.connectto.Context.x"
        let bus = try PrivateBus.current
        let connection = try await BusConnection.open(address: bus.address, on: try EventLoop.shared.reactor)
        let watch = OwnerWatch(connection)
        let isLost = Latch<Void>()
        await connection.onDisconnect { _ in isLost.set() }
        let former = try await watch.subscribe(.name(name)) { _ in }
        try await bus.restart()
        await isLost.wait()
        await watch.interrupt()
        try await connection.reopen()

        // Before the former ones have subscribed again, which happens when the names are back.
        let changes = Lock(0)
        let present = try await watch.subscribe(.name(name)) { event in
            if case .changed = event { changes.withLock { $0 += 1 } }
        }
        await watch.unsubscribe(former)
        let other = try await BusConnection.open(address: bus.address, on: try EventLoop.shared.reactor)
        _ = try await other.requestName(name, flags: .doNotQueue)
        // What the bus has to tell comes before its answer.
        _ = try await connection.call(.toBus("GetId"), deadline: .seconds(5))
        #expect(changes.withLock { $0 } == 1)

        await watch.unsubscribe(present)
        await connection.close()
        await other.close()
    }
}
