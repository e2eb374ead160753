import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Synchronization
import Testing

@testable import ConnectToDBus

/// Connections on a loop that the program's main loop drives.
@Suite(.privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct ForeignLoopTests {
    @Test("A handler may run the foreign loop, and further messages wait until it returns")
    func handlerRunsForeignLoop() async throws {
        let bus = try PrivateBus.current
        let loop = try ForeignLoop()
        let (caller, callee) = (try await bus.open(), try await bus.open(on: loop.reactor))
        let log = Log<String>()
        await callee.export(path: "/nested") { [weak callee] call in
            log.add("in")
            // Reply first, so that the next call arrives while this handler runs, and libdbus reports it.
            callee?.assumeIsolated { $0.reply(to: call, call.body) }
            // Run the loop, as a modal dialogue would.
            for _ in 0..<10 { loop.turn(milliseconds: 5) }
            log.add("out")
        }
        for number in UInt8(0)..<3 {
            let reply = try await caller.call(
                .test(callee.uniqueName, "/nested", [.byte(number)]), deadline: .seconds(30))
            #expect(reply.body == [.byte(number)])
        }
        await log.wait(for: 6)
        #expect(log.entries == ["in", "out", "in", "out", "in", "out"])
        await caller.close()
        await callee.close()
        await loop.stop()
    }

    @Test("A handler may close its connection and then run the foreign loop")
    func handlerClosesAndRunsForeignLoop() async throws {
        let bus = try PrivateBus.current
        let loop = try ForeignLoop()
        let (caller, callee) = (try await bus.open(), try await bus.open(on: loop.reactor))
        await callee.export(path: "/nested") { [weak callee] call in
            callee?.assumeIsolated { $0.close() }
            for _ in 0..<10 { loop.turn(milliseconds: 1) }
        }
        let error = await #expect(throws: DBusError.self) {
            try await caller.call(.test(callee.uniqueName, "/nested"), deadline: .seconds(30))
        }
        #expect(error?.name == DBusError.Name.noReply)
        await caller.close()
        await Loop.runWaitingWork(of: try Loop.shared)
        await Loop.runWaitingWork(of: loop.reactor)
        #expect(try bus.openDescriptors().isEmpty)
        await loop.stop()
    }
}

/// A program's main loop.
private final class ForeignLoop: Sendable {
    let reactor: Reactor
    private let isOver = Atomic(false)

    init() throws {
        reactor = try Reactor(drivenBy: .foreignLoop)
        try startDetachedThread(named: "foreign") { [self] in
            while !isOver.load(ordering: .acquiring) { turn(milliseconds: -1) }
        }
    }

    func turn(milliseconds: Int32) {
        var entry = pollfd(fd: reactor.pollableDescriptor, events: Int16(POLLIN), revents: 0)
        if poll(&entry, 1, milliseconds) == 1 { reactor.runReady() }
    }

    /// Ends the thread after its current turn.
    func stop() async {
        await withCheckedContinuation { continuation in
            reactor.execute { [self] in
                isOver.store(true, ordering: .releasing)
                continuation.resume()
            }
        }
    }
}
