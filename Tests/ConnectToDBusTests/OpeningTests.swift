import ConnectToLinux
import ConnectToTesting
import Glibc
import SystemPackage
import Testing

@testable import ConnectToDBus

@Suite(.chosenExecutor, .timeLimit(.minutes(1)))
struct OpeningTests {
    private func expectFailure(_ kinds: [DBusError.Kind], _ address: String, deadline: Duration) async throws {
        let loop = try Loop.shared
        let error = await #expect(throws: DBusError.self) {
            try await BusConnection.open(address: address, on: loop, deadline: deadline)
        }
        #expect(error.map { kinds.contains($0.kind) } == true, "\(String(describing: error))")
    }

    @Test("gets a unique name, and one descriptor", .privateBus)
    func opens() async throws {
        let bus = try PrivateBus.current
        let connection = try await bus.open()
        #expect(Names.isUniqueBusName(connection.uniqueName))
        #expect(connection.address == bus.address)
        #expect(await connection.isConnected)
        #expect(try bus.openDescriptors().count == 1)
        await connection.close()
    }

    @Test("fails where nothing listens, and where the address is none")
    func nothingThere() async throws {
        try await expectFailure([.unreachable], "unix:path=/nonexistent/bus", deadline: .seconds(5))
        try await expectFailure([.unreachable], "unix:path=%zz", deadline: .seconds(5))
        try await expectFailure([.invalid], "nonsense", deadline: .seconds(5))
        try await expectFailure([.invalid], "", deadline: .seconds(5))
        try await expectFailure([.invalid], "autolaunch:", deadline: .seconds(5))
        try await expectFailure([.invalid], "unix:path=/a\0", deadline: .seconds(5))
    }

    @Test(
        "fails on a bus that passes no descriptors, and says so",
        .enabled(if: BusProgram.chosen != .broker))
    func withoutDescriptors() async throws {
        try await withPrivateBus(configuration: BusConfiguration(transport: .tcp)) { bus in
            let loop = try Loop.shared
            let error = await #expect(throws: DBusError.self) {
                _ = try await BusConnection.open(address: bus.addressWithServerID, on: loop)
            }
            #expect(error?.kind == .unreachable)
            #expect(error?.message.contains("passes no descriptors") == true, "\(String(describing: error))")
        }
    }

    @Test("gives up on a socket that says nothing, at the deadline")
    func silent() async throws {
        try await withTemporaryDirectory(prefix: "silent") { directory in
            let listener = try Listener(in: directory)
            let start = ContinuousClock.now
            try await expectFailure([.timedOut], listener.address, deadline: .milliseconds(100))
            #expect(start.duration(to: .now) < .seconds(5))
            try await expectEnd(of: listener)
        }
    }

    @Test("gives up on connect(2) itself, and closes the connection that arrives too late")
    func fullBacklog() async throws {
        try await withTemporaryDirectory(prefix: "full") { directory in
            let listener = try Listener(in: directory, backlog: 0)
            let queued = try listener.fillBacklog()
            #expect(!queued.isEmpty)
            try await expectFailure([.timedOut], listener.address, deadline: .milliseconds(100))
            // Makes room: now the late one gets in.
            for _ in queued { _ = try listener.accept() }
            try await expectEnd(of: listener)
        }
    }

    /// Accepts the connection that has been given up, and reads until its end.
    private func expectEnd(of listener: Listener) async throws {
        let ended = Log<Bool>()
        try startDetachedThread(named: "reader") {
            guard let peer = try? listener.accept() else { return ended.add(false) }
            var bytes = [UInt8](repeating: 0, count: 4096)
            while let count = try? systemCall("read", { read(peer.rawValue, &bytes, bytes.count) }) {
                if count == 0 { return ended.add(true) }
            }
            // A reset is an end too.
            ended.add(true)
        }
        #expect(await ended.wait(for: 1) == [true])
    }

    @Test(
        "fails on what does not speak like a bus",
        arguments: [
            "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", "\r\n\r\n\r\n", "\0\0\0\0",
            "REJECTED\r\n", "OK\r\n",
            "OK 0123456789abcdef0123456789abcdef\r\nAGREE_UNIX_FD\r\n"
                + String(repeating: "garbage ", count: 64),
        ], [true, false])
    func garbage(speech: String, hangsUp: Bool) async throws {
        try await withTemporaryDirectory(prefix: "garbage") { directory in
            let listener = try Listener(in: directory)
            let peers = Log<Descriptor>()
            try startDetachedThread(named: "garbage") {
                guard let peer = try? listener.accept() else { return }
                _ = Array(speech.utf8).withUnsafeBytes { write(peer.rawValue, $0.baseAddress, $0.count) }
                if !hangsUp { peers.add(peer) }
            }
            try await expectFailure(
                hangsUp ? [.unreachable] : [.unreachable, .timedOut], listener.address,
                deadline: hangsUp ? .seconds(20) : .milliseconds(300))
            // Open until here.
            withExtendedLifetime(peers) {}
        }
    }

    @Test("ends at once when its task is cancelled")
    func cancelled() async throws {
        try await withTemporaryDirectory(prefix: "cancel") { directory in
            let listener = try Listener(in: directory)
            let loop = try Loop.shared
            let task = Task {
                try await BusConnection.open(address: listener.address, on: loop, deadline: .seconds(50))
            }
            let peer = try listener.accept()
            task.cancel()
            let error = await #expect(throws: DBusError.self) { try await task.value }
            #expect(error?.kind == .cancelled)
            withExtendedLifetime(peer) {}
        }
    }
}
