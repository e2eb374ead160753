import ConnectToDBus
import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Testing

@testable import ConnectTo

/// A bus that is started again counts its connections from the beginning.
@Suite(
    "A new bus that gives a program's unique name to another program", .privateBus, .chosenExecutor,
    .timeLimit(.minutes(1))
)
struct ReusedNamesTests {
    @Test("A caller whose unique name another program had on the earlier bus is known by the new bus's facts")
    func reusedNameOfCaller() async throws {
        let there = try await Bus.onPrivateBus()
        let context = try await there.register("x")
        try await passNames(upTo: 20)
        let former = try await Bus.onPrivateBus()
        let port = former.connectTo("x")
        let formerPeer = try #require(await context.nextConnect()).peer
        #expect(formerPeer.busName == former.connection.uniqueName)
        #expect(formerPeer.pid == getpid())

        port.close()
        await former.close()
        try await PrivateBus.current.restart()
        await there.isBack()
        try await passNames(upTo: try #require(number(of: formerPeer.busName)) - 1)
        try await withPeer("call", "x") { process in
            let peer = try #require(await context.nextConnect()).peer
            try #require(peer.busName == formerPeer.busName)
            #expect(peer.pid == process.processID)
        }
    }

    @Test("An expected owner that was looked at on the earlier bus is not called on the new one")
    func reusedNameOfOwner() async throws {
        let here = try await Bus.onPrivateBus()
        try await passNames(upTo: 20)
        let owner = try await ScriptedListener("x")
        let ownersName = owner.connection.uniqueName
        let bus = try PrivateBus.current
        let thief = Lock<BusConnection?>(nil)
        let called = Lock<[String]>([])
        let port = here.connectTo(
            "x",
            options: .init(
                wait: .now,
                expected: .custom { peer in
                    #expect(peer.busName == ownersName)
                    // All this may happen while somebody is thinking about the owner.
                    do {
                        try await bus.restart()
                        await here.isBack()
                        let other = try await connection(named: ownersName, on: bus)
                        await other.export { call in
                            called.withLock { $0.append(call.member) }
                            return false
                        }
                        thief.withLock { $0 = other }
                    } catch {
                        Issue.record(error)
                    }
                    return true
                }))
        try port.postMessage("for the owner")
        #expect(try await port.waitUntilClosed().code == .busLost)
        // What was sent to the thief before this would have arrived before it.
        let other = try #require(thief.withLock { $0 })
        await #expect(throws: DBusError.self) {
            try await here.connection.call(
                OutgoingCall(destination: ownersName, path: "/", interface: "a.b", member: "Last"),
                deadline: .seconds(30))
        }
        #expect(called.withLock { $0 } == ["Last"])
        await other.close()
        await owner.close()
    }
}

/// A connection that has this unique name, which the bus has not given to anybody yet.
private func connection(named name: String, on bus: PrivateBus) async throws -> BusConnection {
    let wanted = try #require(number(of: name))
    while true {
        let connection = try await BusConnection.open(
            address: bus.address, on: try EventLoop.shared.reactor)
        if connection.uniqueName == name { return connection }
        await connection.close()
        let last = try #require(number(of: connection.uniqueName))
        try #require(last < wanted, "the bus has given \(name) to somebody else")
    }
}

/// Uses up unique names: the next that the bus gives is the one after this.
private func passNames(upTo last: Int) async throws {
    try await connection(named: ":1.\(last)", on: PrivateBus.current).close()
}

/// The last part of a unique name.
private func number(of uniqueName: String) -> Int? {
    uniqueName.split(separator: ".").last.flatMap { Int($0) }
}
