import ConnectToDBus
import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Testing

@testable import ConnectTo

@Suite("The statistics of a context", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct ContextStatisticsTests {
    @Test("A context's statistics count callers, lines and bytes, and other programs of its user can ask for them")
    func statisticsCountCallersLinesBytes() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let context = try await there.register("x", options: .init(metadata: ["a": "b"]))
        #expect(context.statistics.openPorts == 0)
        let port = here.connectTo("x")
        try port.postMessage("1234567")
        let event = try #require(await context.nextConnect())
        #expect(try await event.source.nextText() == "1234567")
        try event.source.postMessage("12")
        #expect(try await port.nextText() == "12")
        await #expect(throws: PortError.self) { try await here.openStream(to: "x") }

        let info = try #require(try await here.info("x"))
        #expect(info.owner.busName == there.connection.uniqueName)
        #expect(info.format == .messages)
        #expect(info.metadata == ["a": "b"])
        let status = try #require(info.statistics)
        #expect(status.openPorts == 1)
        #expect(status.admitted == 1)
        #expect(status.refused == 1)
        // A message has a header of eight bytes.
        #expect(status.bytesReceived == 15)
        #expect(status.bytesSent == 10)

        port.close()
        try await event.source.waitUntilClosed()
        #expect(context.statistics.openPorts == 0)
    }

    @Test("A context's statistics no longer count a stream whose socket is taken")
    func takenSocketIsNotCounted() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let context = try await there.register("x", options: .init(format: .stream))
        async let stream = here.openStream(to: "x")
        let event = try #require(try await context.nextStream())
        #expect(context.statistics.openPorts == 1)
        let number = try event.stream.takeFileDescriptor()
        #expect(context.statistics.openPorts == 0)
        close(number)
        try await stream.close()
    }

    @Test("info of a name without an owner is nil")
    func infoOfNameWithoutOwner() async throws {
        let here = try await Bus.onPrivateBus()
        #expect(try await here.info("x") == nil)
    }
}
