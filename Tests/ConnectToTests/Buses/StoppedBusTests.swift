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

    @Test("A task that is cancelled while it opens the bus ends at once; others go on waiting, and get the bus")
    func cancelledOpening() async throws {
        let bus = try PrivateBus.current
        kill(bus.processID, SIGSTOP)
        let (leaving, staying) = (Task { try await Bus.at(bus.address) }, Task { try await Bus.at(bus.address) })
        // Let both wait.
        for _ in 0..<10 { await Task.yield() }
        leaving.cancel()
        let (error, took) = await timed {
            await #expect(throws: ConnectToError.self) { _ = try await leaving.value }
        }
        #expect(error?.code == .cancelled)
        #expect(took < .seconds(2))
        kill(bus.processID, SIGCONT)
        let opened = try await staying.value
        #expect(opened.status == .connected)
        #expect(try await Bus.at(bus.address) === opened)
        await opened.close()
    }
}
