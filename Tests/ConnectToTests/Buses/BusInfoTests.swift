import ConnectTo
import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Testing

@Suite("The facts about a bus", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct BusInfoTests {
    @Test("A program learns which process the bus is, how the bus sees the program, and how many names there are")
    func busInfoHasBusProgramAndNames() async throws {
        let bus = try await Bus.at(PrivateBus.current.address)
        let before = try await bus.info()
        #expect(before.daemon?.processName?.hasPrefix("dbus-") == true)
        #expect(before.daemon?.hasExited == false)
        #expect(before.ownPeer?.pid == getpid())
        #expect(before.ownPeer?.uid == geteuid())
        #expect(before.knowsProcesses)
        #expect(before.proxy == nil)
        let context = try await bus.register("x")
        #expect(try await bus.info().nameCount == before.nameCount + 1)
        await context.unregister()
    }

    @Test("A separate connection is another client of the bus, in the same process")
    func separateConnectionIsAnotherClient() async throws {
        let shared = try await Bus.at(PrivateBus.current.address)
        let separate = try await Bus.makeSeparate(at: shared.address)
        let (one, other) = (try await shared.info().ownPeer, try await separate.info().ownPeer)
        #expect(one?.pid == other?.pid)
        #expect(one?.busName != other?.busName)
        await separate.close()
        #expect(shared.status == .connected)
    }

    @Test("A bus that was closed throws busLost where it is asked about itself")
    func closedBusHasNoInfo() async throws {
        let bus = try await Bus.at(PrivateBus.current.address)
        await bus.close()
        await #expect { try await bus.info() } throws: { ConnectToError.Code.busLost ~= $0 }
        await #expect { try await bus.canStart("x") } throws: { ConnectToError.Code.busLost ~= $0 }
        await #expect { try await bus.reloadConfiguration() } throws: { ConnectToError.Code.busLost ~= $0 }
    }

    @Test("A program is the same application to itself as to others where no bus name and no sandbox says more")
    func ownApplicationIsThatOthersSee() async throws {
        let bus = try await Bus.at(PrivateBus.current.address)
        let peer = try #require(try await bus.info().ownPeer)
        #expect(await peer.application == Peer.Application.current)
    }
}
