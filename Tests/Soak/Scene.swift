import ConnectTo
import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Glibc

/// What all workloads share: a bus that comes and goes, and the end of the time.
struct Scene: Sendable {
    let bus: PrivateBus
    /// Two programs, in one process.
    let here: Bus
    let there: Bus
    let tally = Tally()
    let end: ContinuousClock.Instant

    var isOver: Bool { ContinuousClock.now >= end }

    /// For whatever needs the bus: longer than any outage here.
    static let patience = Duration.seconds(60)

    /// Runs a step that has to end; a step that does not ends the soak at once, for it cannot be got rid of.
    nonisolated(nonsending) func step<Result>(
        _ what: String, _ body: () async throws -> Result
    ) async throws -> Result {
        // Not a sleeping task: cancelled, it is kept until its time would have come.
        let watchdog = try EventLoop.shared.reactor.schedule(after: Self.patience * 2) {
            print("hung: \(what)")
            exit(1)
        }
        defer { watchdog.cancel() }
        return try await body()
    }

    /// Registers; again while the bus is away.
    func register(_ name: String, on bus: Bus) async throws -> Context {
        while true {
            do throws(ConnectToError) {
                return try await bus.register(name)
            } catch {
                try hold(error.code == .busLost && bus.status != .lost, "registering \(name): \(error)")
                tally.add("registrations that the bus went away from")
                try await Task.sleep(for: .milliseconds(5))
            }
        }
    }
}
