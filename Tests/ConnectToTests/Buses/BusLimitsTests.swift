import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectTo

@Suite("The limits of a bus", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct BusLimitsTests {
    private static func small() -> BusLimits {
        var limits = BusLimits()
        limits.ports.messageLength = 1_000
        limits.ports.queuedOutput = 100_000
        return limits
    }

    @Test("The limits of a bus hold for the ports of callers")
    func limitsHoldForCallersPorts() async throws {
        let listening = try await Bus.onPrivateBus()
        let context = try await listening.register("x")
        let bus = try await Bus.makeSeparate(at: try PrivateBus.current.address, limits: Self.small())
        let port = bus.connectTo("x")
        let error = #expect(throws: PortError.self) {
            try port.postMessage([UInt8](repeating: 0, count: 1_001))
        }
        #expect(error?.code == .messageTooLarge)
        // Nobody reads: the kernel's buffer fills, then the queue.
        let full = #expect(throws: PortError.self) {
            while true { try port.postMessage([UInt8](repeating: 0, count: 1_000)) }
        }
        #expect(full?.code == .queueFull)
        #expect(port.bufferedAmount <= 100_000)
        // The other side's limits are its own.
        let there = try #require(await context.nextConnect()).source
        try there.postMessage([UInt8](repeating: 0, count: 1_001))
        port.start()
        #expect(try await port.waitUntilClosed().code == .protocolError)
    }

    @Test("The limits of a bus hold for the ports of listeners")
    func limitsHoldForListenersPorts() async throws {
        let listening = try await Bus.makeSeparate(at: try PrivateBus.current.address, limits: Self.small())
        let context = try await listening.register("x")
        let port = try await Bus.onPrivateBus().connectTo("x")
        try port.postMessage([UInt8](repeating: 0, count: 1_001))
        let there = try #require(await context.nextConnect()).source
        there.start()
        #expect(try await there.waitUntilClosed().code == .protocolError)
        #expect(try await port.waitUntilClosed().code == .peerExited)
    }

    @Test("A bus's callers that are over their limit are told so a little late")
    func callersOverLimitAreAnsweredLate() async throws {
        var limits = BusLimits()
        limits.callers.openPorts = 0
        let listening = try await Bus.makeSeparate(at: try PrivateBus.current.address, limits: limits)
        let context = try await listening.register("x")
        let bus = try await Bus.onPrivateBus()
        let (reason, took) = try await timed {
            try await bus.connectTo("x", options: .init(wait: .now)).waitUntilClosed()
        }
        #expect(reason.code == .busy)
        #expect(took >= .milliseconds(100))
        #expect(context.statistics.refused == 1)
    }

    @Test("A listener that holds as many bytes of a caller's messages as it may refuses further callers")
    func bytesHeldByListenerCount() async throws {
        var limits = BusLimits()
        limits.callers.heldBytes = 1 << 20
        let listening = try await Bus.makeSeparate(at: try PrivateBus.current.address, limits: limits)
        let context = try await listening.register("x")
        let bus = try await Bus.onPrivateBus()
        let port = bus.connectTo("x", options: .init(wait: .now))
        try await port.waitUntilOpen()
        let event = try #require(await context.nextConnect())
        let held = event.source.hold(bytes: 1 << 20)
        #expect(try await bus.connectTo("x", options: .init(wait: .now)).waitUntilClosed().code == .busy)
        held.release()
        held.release()
        try await bus.connectTo("x", options: .init(wait: .now)).waitUntilOpen()
        // Dropped, held bytes are released too.
        _ = event.source.hold(bytes: 1 << 20)
        try await bus.connectTo("x", options: .init(wait: .now)).waitUntilOpen()
        // On a port of the program's own nothing is counted, and nothing breaks.
        port.hold(bytes: 1 << 40).release()
    }

    @Test("Callers' metadata counts against the limits of a bus: a caller with too much of it is refused")
    func callersMetadataCounts() async throws {
        var limits = BusLimits()
        limits.callers.heldBytes = 200 << 10
        let listening = try await Bus.makeSeparate(at: try PrivateBus.current.address, limits: limits)
        let context = try await listening.register("x")
        let bus = try await Bus.onPrivateBus()
        let metadata = ["text": String(repeating: "x", count: 60 << 10)]
        // A process has a third of it.
        let ports = (0..<2).map { _ in bus.connectTo("x", options: .init(wait: .now, metadata: metadata)) }
        for port in ports { try await port.waitUntilOpen() }
        #expect(try await bus.connectTo("x", options: .init(wait: .now)).waitUntilClosed().code == .busy)
        #expect(context.statistics.refused == 1)
    }

    @Test("The limits of a bus end an introduction that is not answered in time")
    func introductionLimitEndsSilentCall() async throws {
        var limits = BusLimits()
        limits.introduction = .milliseconds(50)
        let silent = try await ScriptedListener("silent")
        let bus = try await Bus.makeSeparate(at: try PrivateBus.current.address, limits: limits)
        let start = ContinuousClock.now
        #expect(try await bus.connectTo("silent", options: .init(wait: .now)).waitUntilClosed().code == .timedOut)
        #expect(ContinuousClock.now - start < .seconds(4))
        await silent.close()
    }

    @Test("The limits of a bus are those of the part that opens it: others may share it, and cannot set others")
    func limitsAreSetByFirstOpener() async throws {
        let address = try PrivateBus.current.address
        let bus = try await Bus.at(address, limits: Self.small())
        #expect(bus.limits == Self.small())
        #expect(try await Bus.at(address) === bus)
        #expect(try await Bus.at(address, limits: Self.small()) === bus)
        let error = await #expect(throws: ConnectToError.self) {
            try await Bus.at(address, limits: BusLimits())
        }
        #expect(error?.code == .otherLimits)
        await bus.close()
        #expect(try await Bus.at(address, limits: BusLimits()).limits == BusLimits())
    }

    @Test("The limits of a bus that two parts open at once are the first one's")
    func limitsAreSetByFirstOfTwoOpeners() async throws {
        let address = try PrivateBus.current.address
        async let one = Result { () async throws -> Bus in try await Bus.at(address, limits: Self.small()) }
        async let two = Result { () async throws -> Bus in try await Bus.at(address, limits: BusLimits()) }
        let results = await [one, two]
        #expect(results.count { (try? $0.get()) != nil } == 1)
    }
}

extension Result where Failure == any Error {
    fileprivate init(_ body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}
