import ConnectToDBus
import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Testing

@testable import ConnectTo

@Suite("The admission of callers", .chosenExecutor, .timeLimit(.minutes(1)))
struct AdmissionTableTests {
    /// A rule, and whom it admits: a process of our user and one of another, each without and with a context of its
    /// own (`org.example.U` and its user id).
    private struct Row {
        let rule: Admission
        let isAdmitted: [Bool]

        init(
            _ rule: Admission, own: Bool, other: Bool, ownWithContext: Bool? = nil,
            otherWithContext: Bool? = nil
        ) {
            self.rule = rule
            isAdmitted = [own, other, ownWithContext ?? own, otherWithContext ?? other]
        }
    }

    private static let peer = testPeer

    /// Made anew each time: the leak sanitizer does not see what a global holds in an enumeration's spare bits.
    private static var table: [Row] {
        [
            Row(.sameUser, own: true, other: false),
            Row(.everyone, own: true, other: true),
            Row(.users([nobody]), own: false, other: true),
            Row(.users([0, nobody]), own: true, other: true),
            Row(.users([]), own: false, other: false),
            Row(.groups([nobody]), own: false, other: true),
            Row(.groups([0, nobody]), own: true, other: true),
            Row(.not(.groups([nobody])), own: true, other: false),
            Row(.not(.sameUser), own: false, other: true),
            Row(.not(.users([nobody])), own: true, other: false),
            Row(.any(.sameUser, .groups([nobody])), own: true, other: true),
            Row(.all(.sameUser, .groups([nobody])), own: false, other: false),
            Row(.all(), own: true, other: true),
            Row(.any(), own: false, other: false),
            // Of another user's process an executable says nothing, unless the rule says which users are meant.
            Row(.executables([peer]), own: true, other: false),
            Row(.executables(["/usr/bin/true"]), own: false, other: false),
            Row(.not(.executables([peer])), own: false, other: false),
            Row(.not(.executables(["/usr/bin/true"])), own: true, other: false),
            Row(.all(.sameUser, .executables([peer])), own: true, other: false),
            Row(.any(.executables([peer]), .users([4_242])), own: true, other: false),
            Row(.all(.everyone, .executables([peer])), own: true, other: false),
            Row(.all(.not(.users([4_242])), .executables([peer])), own: true, other: false),
            Row(.all(.executables([peer]), .any(.users([4_242]), .everyone)), own: true, other: false),
            // Root may read what everybody runs.
            Row(.all(.users([nobody]), .executables([peer])), own: false, other: true),
            Row(.all(.executables([peer]), .any(.sameUser, .groups([nobody]))), own: true, other: true),
            Row(
                .all(.groups([nobody]), .any(.executables([peer]), .executables(["/bin/no"]))), own: false, other: true),
            Row(.all(.users([0, nobody]), .not(.executables(["/usr/bin/true"]))), own: true, other: true),
            Row(.securityLabels(["no-such-label"]), own: false, other: false),
            Row(.origins(["org.example.U0"]), own: false, other: false, ownWithContext: true),
            // On a bus like this one every user can own every name.
            Row(.origins(["org.example.U65534"]), own: false, other: false),
            // Whether another user's process is in a sandbox is not to be learnt.
            Row(.not(.origins(["org.example.U0"])), own: true, other: false, ownWithContext: false),
            Row(.not(.origins(["org.example.U65534"])), own: true, other: false),
            Row(.all(.sameUser, .origins(["org.example.U65534"])), own: false, other: false),
            Row(
                .all(.users([nobody]), .origins(["org.example.U65534"])), own: false, other: false,
                otherWithContext: true),
            Row(.custom { $0.uid == nobody }, own: false, other: true),
            Row(
                .custom { await $0.application?.isVerified == true }, own: false, other: false,
                ownWithContext: true,
                otherWithContext: true),
            // Too late with its yes, and not known to say no.
            Row(.custom(within: .milliseconds(20)) { _ in await forEver() }, own: false, other: false),
            Row(.not(.custom(within: .milliseconds(20)) { _ in await forEver() }), own: false, other: false),
        ]
    }

    /// Until the task is cancelled.
    private static func forEver() async -> Bool {
        try? await Task.sleep(for: .seconds(3600))
        return true
    }

    @Test(
        "Each rule of the admission table admits or refuses each identity as it says",
        .enabled(if: isRoot, "needs root, for a second user"))
    func admissionTable() async throws {
        try await withOpenBus { bus in
            let there = try await Bus.makeSeparate(at: bus.address)
            var contexts: [Context] = []
            for (number, row) in Self.table.enumerated() {
                contexts.append(try await there.register("row\(number)", options: .init(admission: row.rule)))
            }
            let columns = [(nil, 0), (nobody, 0), (nil, 1), (nobody, 1)] as [(UInt32?, Int)]
            for (column, (uid, owns)) in columns.enumerated() {
                try await withPeer("knock", "row", contexts.count, owns, on: bus.address, as: uid) { peer in
                    for (number, row) in Self.table.enumerated() {
                        let line = await peer.line()
                        let expected =
                            row.isAdmitted[column]
                            ? "open"
                            : "refused: \"row\(number)\" refused the call: its rules do not admit this program; ask the user who runs it"
                        #expect(line == expected, "\(row.rule), column \(column)")
                    }
                }
            }
            // Events there are of those who were admitted, and of nobody else.
            for (context, row) in zip(contexts, Self.table) {
                await context.unregister()
                var uids: [UInt32?] = []
                for try await event in context.connectEvents { uids.append(event.peer.uid) }
                let expected = zip(columns, row.isAdmitted).compactMap { $0.1 ? $0.0.0 ?? 0 : nil }
                #expect(uids == expected, "\(row.rule)")
            }
        }
    }

    @Test(
        "A listener without a rule does not admit another user",
        .enabled(if: isRoot, "needs root, for a second user"))
    func defaultRefusesOtherUsers() async throws {
        try await withOpenBus { bus in
            let there = try await Bus.makeSeparate(at: bus.address)
            let context = try await there.register("x0")
            try await withPeer("knock", "x", 1, 0, on: bus.address, as: nobody) { peer in
                #expect(
                    await peer.line()
                        == "refused: \"x0\" refused the call: its rules do not admit this program; ask the user who runs it"
                )
            }
            withExtendedLifetime(context) {}
        }
    }

    @Test(
        "Where the bus does not say who owns a name, no origin is known, and none is excluded",
        .privateBus)
    func silentBusLeavesOriginUnknown() async throws {
        let bus = try await Bus.onPrivateBus()
        let peer = try await bus.identities.peer(bus.connection.uniqueName)
        #expect(await Admission.not(.origins(["org.other"])).admits(peer, asking: bus.identities))
        try PrivateBus.current.kill()
        await bus.isAway()
        let rule = Admission.origins(["org.other"]).rule
        #expect(await rule.verdict(on: peer, asking: bus.identities) == .unknown)
        #expect(await !Admission.not(.origins(["org.other"])).admits(peer, asking: bus.identities))
    }

    @Test(
        "Calls of one connection become events in their order, however long each is asked about", .privateBus)
    func callsBecomeEventsInOrder() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let isFirst = Latch<Void>()
        // The first to be asked about is answered last.
        let context = try await there.register(
            "x",
            options: .init(
                admission: .custom { _ in
                    if isFirst.value != nil { return true }
                    isFirst.set(())
                    try? await Task.sleep(for: .milliseconds(200))
                    return true
                }))
        let ports = (0..<5).map { here.connectTo("x", options: .init(metadata: ["number": "\($0)"])) }
        var events = context.connectEvents.makeAsyncIterator()
        for number in 0..<5 { #expect(try await events.next()?.metadata["number"] == "\(number)") }
        for port in ports { port.close() }
    }
}
