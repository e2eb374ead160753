import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Glibc
import SystemPackage
import Testing

@testable import ConnectToDBus

@Suite(.chosenExecutor, .timeLimit(.minutes(1)))
struct BusOpeningTests {
    private func expectFailure(_ kinds: [DBusError.Kind], _ address: String, deadline: Duration) async throws {
        let loop = try Loop.shared
        let error = await #expect(throws: DBusError.self) {
            try await BusConnection.open(address: address, on: loop, deadline: deadline)
        }
        #expect(error.map { kinds.contains($0.kind) } == true, "\(String(describing: error))")
    }

    @Test("An opened connection has a unique name and one descriptor", .privateBus)
    func openedConnection() async throws {
        let bus = try PrivateBus.current
        let connection = try await bus.open()
        #expect(Names.isUniqueBusName(connection.uniqueName))
        #expect(connection.address == bus.address)
        #expect(await connection.isConnected)
        #expect(try bus.openDescriptors().count == 1)
        await connection.close()
    }

    @Test("Opening a bus fails where no program listens, and where the address is invalid")
    func nothingListens() async throws {
        try await expectFailure([.unreachable], "unix:path=/nonexistent/bus", deadline: .seconds(5))
        try await expectFailure([.unreachable], "unix:path=%zz", deadline: .seconds(5))
        try await expectFailure([.invalid], "nonsense", deadline: .seconds(5))
        try await expectFailure([.invalid], "", deadline: .seconds(5))
        try await expectFailure([.invalid], "autolaunch:", deadline: .seconds(5))
        try await expectFailure([.invalid], "unix:path=/a\0", deadline: .seconds(5))
    }

    @Test(
        "Opening a bus that passes no descriptors fails, and the error says so",
        .enabled(if: BusProgram.chosen != .broker))
    func busWithoutDescriptorPassing() async throws {
        try await withPrivateBus(configuration: BusConfiguration(transport: .tcp)) { bus in
            let loop = try Loop.shared
            let error = await #expect(throws: DBusError.self) {
                _ = try await BusConnection.open(address: bus.addressWithServerID, on: loop)
            }
            #expect(error?.kind == .unreachable)
            #expect(error?.message.contains("passes no file descriptors") == true, "\(String(describing: error))")
        }
    }

    @Test("Opening a socket that never answers fails at the deadline")
    func silentListener() async throws {
        try await withTemporaryDirectory(prefix: "silent") { directory in
            let listener = try Listener(in: directory)
            let start = ContinuousClock.now
            try await expectFailure([.timedOut], listener.address, deadline: .milliseconds(100))
            #expect(start.duration(to: .now) < .seconds(5))
            try await expectEnd(of: listener)
        }
    }

    @Test("Opening fails at the deadline while connect(2) blocks, and closes the late connection")
    func fullBacklog() async throws {
        try await withTemporaryDirectory(prefix: "full") { directory in
            let listener = try Listener(in: directory, backlog: 0)
            let queued = try listener.fillBacklog()
            #expect(!queued.isEmpty)
            try await expectFailure([.timedOut], listener.address, deadline: .milliseconds(100))
            // Makes room in the backlog, so that the late connection is accepted.
            for _ in queued { _ = try listener.accept() }
            try await expectEnd(of: listener)
        }
    }

    /// Accepts the connection that the caller gave up, and reads until its end.
    private func expectEnd(of listener: Listener) async throws {
        let ended = Log<Bool>()
        try startDetachedThread(named: "reader") {
            guard let peer = try? listener.accept() else { return ended.add(false) }
            var bytes = [UInt8](repeating: 0, count: 4096)
            while let count = try? systemCall("read", { read(peer.rawValue, &bytes, bytes.count) }) {
                if count == 0 { return ended.add(true) }
            }
            // A reset counts as an end.
            ended.add(true)
        }
        #expect(await ended.wait(for: 1) == [true])
    }

    @Test(
        "Opening fails where the listener does not speak the D-Bus protocol",
        arguments: [
            "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", "\r\n\r\n\r\n", "\0\0\0\0",
            "REJECTED\r\n", "OK\r\n",
            "OK 0123456789abcdef0123456789abcdef\r\nAGREE_UNIX_FD\r\n"
                + String(repeating: "garbage ", count: 64),
        ], [true, false])
    func listenerSpeaksOtherProtocol(speech: String, hangsUp: Bool) async throws {
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
            // Keep the peers' descriptors open until here.
            withExtendedLifetime(peers) {}
        }
    }

    @Test("Cancelling the task ends opening a bus at once")
    func cancelledOpening() async throws {
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
