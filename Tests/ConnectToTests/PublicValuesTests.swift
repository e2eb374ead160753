import ConnectTo
import Glibc
import Testing

/// What a program's own tests make of the values that buses and ports give it: this file imports what users import, and
/// sees nothing else.
@Suite("Values that a user's own tests make")
struct PublicValuesTests {
    /// What a user has written and tests: greets each caller by the id of its application.
    private func greet(_ event: ConnectEvent) async throws {
        let application = await event.peer.application
        try event.source.postMessage("Welcome, \(application?.id ?? event.metadata["name"] ?? "stranger")")
        event.source.close()
    }

    private func greeting(of peer: Peer, _ metadata: [String: String] = [:]) async throws -> String? {
        let channel = try MessageChannel()
        try await greet(ConnectEvent(source: channel.port1, peer: peer, metadata: metadata))
        var messages = channel.port2.messages.makeAsyncIterator()
        return try await messages.next()?.text
    }

    @Test("A connect event with a port of a message channel and an invented peer serves a listener's handler")
    func connectEventServesAHandler() async throws {
        let editor = Peer(
            busName: ":1.7", uid: 1000, groups: [1000], pid: 42, processName: "editor",
            context: try ContextName("document", origin: "org.example.Editor"))
        #expect(try await greeting(of: editor) == "Welcome, org.example.Editor")
        #expect(try await greeting(of: Peer(busName: ":1.8"), ["name": "Ada"]) == "Welcome, Ada")
        #expect(try await greeting(of: Peer(busName: ":1.9")) == "Welcome, stranger")
    }

    @Test("An invented peer has the facts that it was given, and no process behind its number")
    func inventedPeerHasNoProcess() async {
        let peer = Peer(busName: ":1.7", uid: 1000, pid: 1, processName: "init")
        #expect(peer.uid == 1000)
        #expect(peer.pid == 1)
        #expect(peer.processName == "init")
        #expect(peer.executable == nil)
        #expect(peer.hasExited == nil)
        #expect(peer.isProcessUncertain)
        #expect(await peer.application == nil)
        #expect(peer.description == #":1.7, uid 1000, pid 1, "init""#)
    }

    @Test("Entries, changes and facts of the directory can be made as a bus would give them")
    func directoryValuesAreMadeByTests() throws {
        let context = try ContextName("clock", origin: "org.example.App")
        let entry = DirectoryEntry(context: context, owner: ":1.7", metadata: ["version": "2"])
        #expect(entry.name == "clock")
        #expect(entry.origin == "org.example.App")
        #expect(entry.pid == nil)
        let change = DirectoryChange(kind: .registered, entry: entry)
        #expect(change.kind == .registered)
        #expect("\(change.kind)" == "registered")
        let info = ContextInfo(name: "clock", owner: Peer(busName: ":1.7"), isSilent: true)
        #expect(info.origin == ContextName.defaultOrigin)
        #expect(info.isSilent)
        #expect(info.metadata == nil)
    }

    @Test("Errors of ports and buses can be made with a code and a message")
    func errorsAreMadeByTests() {
        let reason = CloseReason(.startFailed, detail: "it never ran")
        let ended = PortError(.closed, "the port is over", reason: reason)
        #expect(ended.code == .closed)
        #expect(ended.reason?.code == .startFailed)
        #expect("\(ended)" == "the port is over")
        let taken = ConnectToError(.nameTaken, "clock is taken", owner: Peer(busName: ":1.7"))
        #expect(taken.code == .nameTaken)
        #expect(taken.owner?.busName == ":1.7")
    }

    @Test("A transferable object says its kind, and gives itself back as that kind alone")
    func transferableSaysItsKind() throws {
        let channel = try MessageChannel()
        let buffer = try SharedBuffer(count: 8, mode: .shared)
        let things: [Transferable] = [
            .port(channel.port1), .file(try OpenFile(duplicating: 0)), .buffer(buffer),
        ]
        #expect(things.map(\.kind) == [.port, .file, .buffer])
        #expect(things.map { $0.port != nil } == [true, false, false])
        #expect(things.map { $0.file != nil } == [false, true, false])
        #expect(things.map { $0.buffer != nil } == [false, false, true])
        #expect(things[2].buffer === buffer)
        #expect(things.map(\.kind.description) == ["port", "file", "buffer"])
        #expect(buffer.mode == .shared)
        #expect("\(buffer.mode)" == "shared")
    }

    @Test("Something transferable that is closed is detached, and its other side learns of it")
    func closedTransferable() async throws {
        let channel = try MessageChannel()
        let buffer = try SharedBuffer(count: 8)
        var ends: [Int32] = [-1, -1]
        try #require(pipe(&ends) == 0)
        defer { close(ends[0]) }
        let things: [Transferable] = [.port(channel.port1), .file(OpenFile(adopting: ends[1])), .buffer(buffer)]
        buffer.withUnsafeMutableBytes { bytes in
            for thing in things { thing.close() }
            // Bytes that are lent stay until they are given back.
            bytes[7] = 1
        }
        #expect(things.map(\.isDetached) == [true, true, true])
        #expect(try await channel.port2.waitUntilClosed().code == .closed)
        var end = pollfd(fd: ends[0], events: Int16(POLLIN), revents: 0)
        // The end of the pipe: its writing end, which the file had taken over, is closed.
        #expect(poll(&end, 1, 30_000) == 1)
        for thing in things { thing.close() }
        #expect { try MessageChannel().port1.postMessage(.text("x", transfer: [things[1]])) } throws: {
            PortError.Code.detached ~= $0
        }
    }

    @Test("An invented bus has a proxy where its own peer is another process")
    func busInfo() {
        let proxy = Peer(busName: ":1.7", pid: 1, processName: "xdg-dbus-proxy")
        #expect(BusInfo(ownPeer: proxy).proxy == proxy)
        #expect(BusInfo(ownPeer: Peer(busName: ":1.7", pid: getpid())).proxy == nil)
        #expect(BusInfo(ownPeer: Peer(busName: ":1.7"), knowsProcesses: false).proxy == nil)
    }
}
