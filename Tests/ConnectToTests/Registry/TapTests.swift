import ConnectToDBus
import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectTo
@testable import ConnectToPorts

@Suite("Tapping a context", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct TapTests {
    @Test("A tap copies what is received and sent, with its line, kind and length, cut at 64 KiB")
    func tapCopiesMessages() async throws {
        let (here, there, third) = (
            try await Bus.onPrivateBus(), try await Bus.onPrivateBus(), try await Bus.onPrivateBus()
        )
        let context = try await there.register("x", options: .init(isTappable: true))
        let tap = try await third.tap("x")
        var records = tap.makeAsyncIterator()
        let port = here.connectTo("x")
        try port.postMessage("Hello")
        let event = try #require(await context.nextConnect())
        #expect(try await event.source.nextText() == "Hello")
        try event.source.postMessage([UInt8](repeating: 7, count: 100_000))

        let first = try #require(try await records.next())
        #expect(first.direction == .received)
        #expect(first.line == 1)
        #expect(first.kind == .text)
        #expect(first.payload == Array("Hello".utf8))
        #expect(first.missedCount == 0)
        let second = try #require(try await records.next())
        #expect(second.direction == .sent)
        #expect(second.kind == .bytes)
        #expect(second.length == 100_000)
        #expect(second.payload == [UInt8](repeating: 7, count: 64 << 10))
        port.close()
        tap.close()
    }

    @Test("An observer that does not read delays no message, and its missed copies are counted when it reads again")
    func slowObserverDelaysNoMessage() async throws {
        let (here, there, third) = (
            try await Bus.onPrivateBus(), try await Bus.onPrivateBus(), try await Bus.onPrivateBus()
        )
        let context = try await there.register("x", options: .init(isTappable: true))
        let tap = try await third.tap("x")
        let port = here.connectTo("x")
        let event = try await { try #require(await context.nextConnect()) }()
        // More than all queues on the way hold together: 600 × 64 KiB.
        let total = 600
        let sending = Task {
            for _ in 0..<total { try await port.send(.bytes([UInt8](repeating: 1, count: 64 << 10))) }
            port.finish()
        }
        var count = 0
        for try await _ in event.source.messages { count += 1 }
        try await sending.value
        #expect(count == total)

        var (seen, missed): (Int, Int) = (0, 0)
        var records = tap.makeAsyncIterator()
        // The end of what he missed is told with the next message that he gets.
        let last = here.connectTo("x")
        let lastEvent = try #require(await context.nextConnect())
        lastEvent.source.start()
        while seen + missed < total {
            try last.postMessage("next")
            let record = try #require(try await records.next())
            if record.line == 1 { seen += 1 }
            missed += record.missedCount
        }
        #expect(seen < total)
        #expect(missed >= total - seen)
        for port in [port, last] { port.close() }
        tap.close()
    }

    @Test(
        "A copy over the owner's limits counts as missed, and one over the observer's ends the tap"
    )
    func tapKeepsLimitsOfBothBuses() async throws {
        var limits = BusLimits()
        limits.ports.messageLength = 1_000
        let address = try PrivateBus.current.address
        let (here, there) = (
            try await Bus.onPrivateBus(), try await Bus.makeSeparate(at: address, limits: limits)
        )
        let (small, large) = (
            try await there.register("small", options: .init(isTappable: true)),
            try await here.register("large", options: .init(isTappable: true))
        )
        let ownerIsLimited = try await here.tap("small")
        let lookerIsLimited = try await there.tap("large")

        // A record is longer than its message.
        let port = here.connectTo("small")
        try port.postMessage([UInt8](repeating: 1, count: 1_000))
        try port.postMessage("short")
        let event = try #require(await small.nextConnect())
        event.source.start()
        var records = ownerIsLimited.makeAsyncIterator()
        let record = try #require(try await records.next())
        #expect(record.payload == Array("short".utf8))
        #expect(record.missedCount == 1)

        var ending = lookerIsLimited.makeAsyncIterator()
        let other = here.connectTo("large")
        try other.postMessage([UInt8](repeating: 1, count: 1_000))
        let otherEvent = try #require(await large.nextConnect())
        otherEvent.source.start()
        let error = await #expect(throws: PortError.self) { _ = try await ending.next() }
        #expect(error?.reason?.code == .protocolError)
        for port in [port, other] { port.close() }
        ownerIsLimited.close()
    }

    @Test("Tapping a context needs its owner's permission")
    func tapNeedsPermission() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let context = try await there.register("x")
        let error = await #expect(throws: ConnectToError.self) { try await here.tap("x") }
        #expect(error?.code == .denied)
        #expect(context.statistics.isTappable == false)
        // Nobody who wanted to connect.
        #expect(context.statistics.refused == 0)
    }

    @Test("Tapping a context whose owner is busy throws busy and not denied")
    func busyOwnerIsNotDenied() async throws {
        let here = try await Bus.onPrivateBus()
        let listener = try await ScriptedListener("x")
        let tapping = Task { try await here.tap("x") }
        await listener.replyError(to: try await listener.nextCall(), ContextInterface.busy)
        let error = await #expect(throws: ConnectToError.self) { try await tapping.value }
        #expect(error?.code == .busy)
        await listener.close()
    }

    @Test("A tap that is over leaves nothing open, on either side")
    func tapLeavesNothingOpen() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let context = try await there.register("x", options: .init(isTappable: true))
        try await expectNoDescriptorLeak {
            for _ in 0..<20 {
                let tap = try await here.tap("x")
                tap.close()
                try await tap.port.waitUntilClosed()
            }
        }
        withExtendedLifetime(context) {}
    }
}
