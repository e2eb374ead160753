import ConnectToTestSupport
import ConnectToTesting
import Testing

@testable import ConnectTo

@Suite(
    "Callers with the process number 0", .chosenExecutor, .timeLimit(.minutes(1)),
    .enabled("A pid namespace \(PIDNamespace.advice)") { await PIDNamespace.isAvailable() })
struct NumberlessCallersTests {
    @Test("A caller with the process number 0 has no process")
    func numberlessCallerHasNoProcess() async throws {
        try await withNumberlessBus { bus in
            let (here, there) = (
                try await Bus.makeSeparate(at: bus.address), try await Bus.makeSeparate(at: bus.address)
            )
            let context = try await there.register("x")
            let port = here.connectTo("x")
            let peer = try #require(await context.nextConnect()).peer
            #expect(peer.uid != nil)
            #expect(peer.pid == nil)
            #expect(peer.processName == nil)
            #expect(peer.executable == nil)
            #expect(peer.hasExited == nil)
            #expect(try await there.directory().map(\.pid) == [nil])
            port.close()
        }
    }

    @Test(
        "Callers with the process number 0 are counted by user and connection, and do not make other users busy",
        .enabled(if: isRoot, "needs root, for a second user"))
    func numberlessCallersCountByConnection() async throws {
        try await withNumberlessBus { bus in
            var limits = BusLimits()
            limits.callers.openPorts = 8
            let there = try await Bus.makeSeparate(at: bus.address, limits: limits)
            let here = try await Bus.makeSeparate(at: bus.address)
            let context = try await there.register("x", options: .init(admission: .everyone))
            // Three quarters, which is all that one process or connection gets.
            let ports = (0..<6).map { _ in here.connectTo("x") }
            for port in ports { try await port.waitUntilOpen() }
            let more = here.connectTo("x")
            #expect(try await more.waitUntilClosed().code == .busy)
            try await withPeer("call", "x", on: bus.address, as: nobody) { peer in
                #expect(await peer.line() == "connecting")
                #expect(await peer.line() == "open")
            }
            for port in ports { port.close() }
            withExtendedLifetime(context) {}
        }
    }
}
