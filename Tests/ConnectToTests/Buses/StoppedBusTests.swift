import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Testing

@testable import ConnectTo

@Suite("A bus that is stopped, then dies", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct StoppedBusTests {
    @Test("When a stopped bus dies, everything under way ends with that reason, and leaves no descriptor")
    func stoppedBusEndsEverythingUnderWay() async throws {
        let bus = try PrivateBus.current
        try await expectNoDescriptorLeak {
            let here = try await Bus.onPrivateBus(reconnectingFor: .zero)
            let waiting = (0..<20).map { here.connectTo("waits \($0)") }
            let context = try await here.register("x")
            // By now the first wait for an owner; from here on nothing is answered.
            kill(bus.processID, SIGSTOP)
            let ports = waiting + (0..<20).map { here.connectTo("unanswered \($0)") }
            for port in ports { try port.postMessage("unheard") }
            let asking = [
                Task { _ = try await here.changes() },
                Task { _ = try await here.directory() },
                Task { _ = try await here.register("y") },
            ]
            async let leaving: Void = context.unregister()
            for _ in 0..<10 {
                await Task(executorPreference: here.loop.executor) { await Task.yield() }.value
            }
            bus.kill()
            let (_, took) = await timed { _ = await here.waitUntilLost() }
            #expect(took < .seconds(1))
            for port in ports { #expect(try await port.waitUntilClosed().code == .busLost) }
            await leaving
            for task in asking {
                let error = await #expect(throws: ConnectToError.self) { try await task.value }
                #expect(error?.code == .busLost)
            }
            #expect(await context.nextConnect() == nil)
        }
    }
}
