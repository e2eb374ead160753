import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Testing

@testable import ConnectTo

@Suite("A listener that is killed, and its successor", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct TakeoverTests {
    @Test("When a listener is killed its standby has the name, and each caller meanwhile gets through or an error")
    func standbyTakesOver() async throws {
        let bus = try await Bus.onPrivateBus()
        try await withPeer("standby", "x") { first in
            #expect(await first.line() == "listening")
            try await withPeer("standby", "x") { second in
                #expect(await second.line() == "standing by")
                let calling = Task {
                    var codes: [CloseReason.Code] = []
                    while !Task.isCancelled { codes.append(try await Self.call(bus)) }
                    return codes + [try await Self.call(bus)]
                }
                try await bus.connectTo("x").waitUntilOpen()
                first.kill()
                #expect(await second.line() == "listening")
                calling.cancel()
                let codes = try await calling.value
                #expect(codes.last == .closed)
                #expect(Set(codes).isSubset(of: [.closed, .peerExited]))
                #expect(try await bus.directory().map(\.pid) == [second.processID])
            }
        }
    }

    /// One message there and back.
    private static func call(_ bus: Bus) async throws -> CloseReason.Code {
        // Not in the task itself, which is cancelled in the middle of it.
        try await Task {
            let port = bus.connectTo("x")
            try port.postMessage("hello")
            port.finish()
            do {
                let text = try await port.nextText()
                #expect(text == "hello")
            } catch {}
            return try await port.waitUntilClosed().code
        }.value
    }

    @Test("Callers that wait for the name of a killed listener get the program that takes it")
    func waitingCallersGetNextListener() async throws {
        let bus = try await Bus.onPrivateBus()
        let ports = (0..<20).map { _ in bus.connectTo("x", options: .init(wait: .untilAvailable(for: .seconds(50)))) }
        for port in ports { try port.postMessage("waited") }
        try await withPeer("standby", "x") { peer in
            #expect(await peer.line() == "listening")
            for port in ports {
                let text = try await port.nextText()
                #expect(text == "waited")
            }
        }
    }

    @Test("Connections come back after the listener is killed, each with what may have been lost, and end in order")
    func connectionsComeBack() async throws {
        let bus = try await Bus.onPrivateBus()
        var connections = bus.connections(to: "x").makeAsyncIterator()
        try await withPeer("standby", "x") { first in
            #expect(await first.line() == "listening")
            let connection = try #require(try await connections.next())
            #expect(connection.interruption == nil)
            try connection.port.postMessage("one")
            #expect(try await connection.port.nextText() == "one")
            // It takes no more, but it is not gone.
            try first.suspend()
            try connection.port.postMessage("two")
            try connection.port.postMessage("three")
            try await withPeer("standby", "x") { second in
                #expect(await second.line() == "standing by")
                first.kill()
                let next = try #require(try await connections.next())
                #expect(next.interruption?.reason.code == .peerExited)
                #expect(next.interruption?.possiblyLostCount == 3)
                try next.port.postMessage("two")
                #expect(try await next.port.nextText() == "two")
                // Killed with nobody in line: the wait is for whoever comes next.
                let changes = try await bus.changes()
                second.kill()
                for try await change in changes where change.kind == .unregistered { break }
                try await withPeer("echo", "x") { third in
                    #expect(await third.line() == "listening")
                    let last = try #require(try await connections.next())
                    #expect(last.interruption?.possiblyLostCount == 1)
                    try last.port.postMessage("three")
                    last.port.finish()
                    #expect(try await last.port.nextText() == "three")
                    let end = try await connections.next()
                    #expect(end == nil)
                }
            }
        }
    }

    @Test(
        "A loop over a connection's messages ends when the listener is killed, and the outer loop goes on"
    )
    func messageLoopEndsAtInterruption() async throws {
        let bus = try await Bus.onPrivateBus()
        try await withPeer("standby", "x") { first in
            #expect(await first.line() == "listening")
            try await withPeer("standby", "x") { second in
                #expect(await second.line() == "standing by")
                var heard: [String] = []
                for try await connection in bus.connections(to: "x") {
                    let isFirst = connection.interruption == nil
                    try connection.port.postMessage(isFirst ? "one" : "two")
                    if !isFirst { connection.port.finish() }
                    for try await message in connection.messages {
                        heard.append(message.text ?? "")
                        if isFirst { first.kill() }
                    }
                }
                #expect(heard == ["one", "two"])
            }
        }
    }

    @Test("Connections that follow every end go on after a listener that closed in order, and say what it did not take")
    func followingEveryEnd() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        var connections = here.connections(to: "x", following: .everyEnd).makeAsyncIterator()
        for round in 0..<2 {
            let context = try await there.register("x")
            let connection = try #require(try await connections.next())
            #expect(connection.interruption?.reason.code == (round == 0 ? nil : .closed))
            #expect(connection.interruption?.possiblyLostCount == (round == 0 ? nil : 1))
            try connection.port.postMessage("taken")
            try connection.port.postMessage("not taken")
            let event = try #require(await context.nextConnect())
            #expect(try await event.source.nextText() == "taken")
            // As a service does that is stopped.
            await context.unregister()
            event.source.close()
            for try await _ in connection.messages {}
        }
        // This program's own close ends it.
        let context = try await there.register("x")
        let last = try #require(try await connections.next())
        last.port.close()
        #expect(try await connections.next() == nil)
        await context.unregister()
    }

    @Test("Connections end where both sides have finished, also where they follow every end")
    func bothFinished() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let context = try await there.register("x")
        var connections = here.connections(to: "x", following: .everyEnd).makeAsyncIterator()
        let connection = try #require(try await connections.next())
        let event = try #require(await context.nextConnect())
        event.source.start()
        event.source.finish()
        connection.port.finish()
        for try await _ in connection.messages {}
        #expect(try await event.source.nextText() == nil)
        #expect(try await connections.next() == nil)
    }

    @Test("A loop over a connection's messages throws where the listener breaks the protocol")
    func messageLoopThrowsAtProtocolError() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let context = try await there.register("x")
        var connections = here.connections(to: "x").makeAsyncIterator()
        let connection = try #require(try await connections.next())
        let event = try #require(await context.nextConnect())
        let socket = try event.source.detachSocket()
        defer { close(socket) }
        // No kind of frame.
        let frame: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0]
        #expect(write(socket, frame, frame.count) == frame.count)
        let error = await #expect(throws: PortError.self) { for try await _ in connection.messages {} }
        #expect(error?.reason?.code == .protocolError)
    }

    @Test("Connections end with the reason where no line can be had, and go on over a restart of the bus")
    func connectionsEndWithReason() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        var nobody = here.connections(to: "x", options: .init(wait: .now)).makeAsyncIterator()
        let missing = await #expect(throws: PortError.self) { try await nobody.next() }
        #expect(missing?.reason?.code == .unavailable)

        let context = try await there.register("x")
        var connections = here.connections(to: "x").makeAsyncIterator()
        let connection = try #require(try await connections.next())
        let event = try #require(await context.nextConnect())
        try await PrivateBus.current.restart()
        try connection.port.postMessage("still here")
        #expect(try await event.source.nextText() == "still here")
        event.source.close()
        let end = try await connections.next()
        #expect(end == nil)

        let waiting = Task {
            var connections = here.connections(
                to: "nobody", options: .init(wait: .untilAvailable(for: .seconds(3_600)))
            )
            .makeAsyncIterator()
            return try await connections.next() != nil
        }
        waiting.cancel()
        let error = await #expect(throws: PortError.self) { try await waiting.value }
        #expect(error?.code == .cancelled)
    }
}
